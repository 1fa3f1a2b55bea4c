"""The resources of accounts. Read next: signed_in_apps.py."""

from django.urls import path

from accounts.rest_api.contact_points import CodesView, ContactPointsView, ContactPointView, VerificationView
from accounts.rest_api.settings_codes import SettingsCodesView
from accounts.rest_api.sign_in_codes import SignInCodesView
from accounts.rest_api.signed_in_apps import RenewalsView, SignedInAppsView, SignedInAppView
from accounts.rest_api.signed_in_browsers import SignedInBrowsersView, SignedInBrowserView

urlpatterns = [
    path("sign-in-codes/", SignInCodesView.as_view(), name="api-sign-in-codes"),
    path("signed-in-apps/", SignedInAppsView.as_view(), name="api-signed-in-apps"),
    path("signed-in-apps/renewals/", RenewalsView.as_view(), name="api-renewals"),
    path("signed-in-apps/<slug:app_id>/", SignedInAppView.as_view(), name="api-signed-in-app"),
    path("signed-in-browsers/", SignedInBrowsersView.as_view(), name="api-signed-in-browsers"),
    path("signed-in-browsers/<slug:browser_id>/", SignedInBrowserView.as_view(), name="api-signed-in-browser"),
    path("settings-codes/", SettingsCodesView.as_view(), name="api-settings-codes"),
    path("contact-points/", ContactPointsView.as_view(), name="api-contact-points"),
    path("contact-points/<slug:point_id>/", ContactPointView.as_view(), name="api-contact-point"),
    path("contact-points/<slug:point_id>/codes/", CodesView.as_view(), name="api-contact-point-codes"),
    path("contact-points/<slug:point_id>/verification/", VerificationView.as_view(), name="api-contact-point-verification"),
]
