from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        # Imported to be connected to the signals of Django.
        from accounts import account_changes, known_browsers  # noqa: F401

        autodiscover_modules("personal_data")
