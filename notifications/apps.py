from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class NotificationsConfig(AppConfig):
    name = "notifications"
    # Open edX has an app of this name too; ours must be able to stand beside it.
    label = "carillon_notifications"
    verbose_name = _("Notifications")

    def ready(self) -> None:
        autodiscover_modules("notification_types", "reasons", "digest", "calendar_source")
