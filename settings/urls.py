"""Every address of this site. Read next: errors.py, notifications/urls.py, studies/urls.py."""

from django.contrib import admin
from django.contrib.auth import views as auth_views
from django.urls import include, path

from accounts.app_views import apps_page
from accounts.data_views import data_page
from accounts.email_pages import confirm_email_page
from accounts.password_pages import NewPasswordPage, PasswordPage, ResetPage
from accounts.phone_views import phone_page
from accounts.second_factor_pages import second_factor_page
from accounts.settings_visit_pages import embedded_settings, open_settings
from accounts.sign_in_pages import SignInPage, admin_door, code_page
from accounts.single_sign_on_pages import from_provider, to_provider
from accounts.views import home
from settings import health

handler400 = "settings.errors.bad_request"
handler403 = "settings.errors.permission_denied"
handler404 = "settings.errors.page_not_found"
handler500 = "settings.errors.server_error"

urlpatterns = [
    path("", home, name="home"),
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("sign-in/", SignInPage.as_view(), name="login"),
    path("sign-in/provider/", to_provider, name="sso"),
    path("sign-in/provider/return/", from_provider, name="sso-return"),
    path("sign-in/code/", code_page, name="sign-in-code"),
    path("sign-out/", auth_views.LogoutView.as_view(), name="logout"),
    path("settings/phone/", phone_page, name="phone"),
    path("settings/apps/", apps_page, name="apps"),
    path("confirm-email/<str:token>/", confirm_email_page, name="confirm-email"),
    path("password-reset/", ResetPage.as_view(), name="password-reset"),
    path("password-reset/<uidb64>/<token>/", NewPasswordPage.as_view(), name="password-reset-confirm"),
    path("settings/password/", PasswordPage.as_view(), name="password"),
    path("settings/app/", embedded_settings, name="embedded-settings"),
    path("settings/app/opening/", open_settings, name="open-embedded-settings"),
    path("settings/data/", data_page, name="data"),
    path("settings/second-factor/", second_factor_page, name="second-factor"),
    path("admin/inbox-items/", include("notifications.inbox_admin")),
    path("admin/login/", admin_door, name="admin-door"),
    path("admin/", admin.site.urls),
    path("", include("notifications.urls")),
    path("studies/", include("studies.urls")),
    path("studies/", include("scheduling.urls")),
    path("api/v1/", include("notifications.rest_api.urls")),
    path("api/v1/", include("notifications.rest_api.webhook_urls")),
    path("api/v1/", include("scheduling.rest_api.urls")),
    path("api/v1/", include("accounts.rest_api.urls")),
    path("api/", include("notifications.rest_api.root_urls")),
    path("webhooks/", include("channels_ace.urls")),
]
