"""Every address of this site. Read next: notifications/urls.py, studies/urls.py."""

from django.contrib import admin
from django.contrib.auth import views as auth_views
from django.urls import include, path

from accounts.views import home
from settings import health

urlpatterns = [
    path("", home, name="home"),
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("sign-in/", auth_views.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("sign-out/", auth_views.LogoutView.as_view(), name="logout"),
    path("admin/inbox-items/", include("notifications.inbox_admin")),
    path("admin/", admin.site.urls),
    path("", include("notifications.urls")),
    path("studies/", include("studies.urls")),
    path("studies/", include("scheduling.urls")),
    path("api/v1/", include("notifications.rest_api.urls")),
    path("api/v1/", include("scheduling.rest_api.urls")),
    path("api/", include("notifications.rest_api.root_urls")),
    path("webhooks/", include("channels_ace.urls")),
]
