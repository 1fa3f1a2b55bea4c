from django.apps import AppConfig
from django.core import checks as system_checks
from django.db.backends.signals import connection_created
from django.utils.translation import gettext_lazy as _

from channels_ace import checks


class ChannelsAceConfig(AppConfig):
    name = "channels_ace"
    # A label of ours: this app lives in other people's projects.
    label = "carillon_channels"
    verbose_name = _("Delivery")

    def ready(self) -> None:
        # Models can be imported from here on only.
        from anymail.signals import tracking

        from channels_ace import answers, webhooks
        from channels_ace.connections import do_not_compile

        connection_created.connect(do_not_compile, dispatch_uid="channels_ace")
        answers.register_answers()
        tracking.connect(webhooks.note_tracking, dispatch_uid="channels_ace")
        security = system_checks.Tags.security
        system_checks.register(checks.check_field_keys, security)
        system_checks.register(checks.check_index_keys, security)
        system_checks.register(checks.check_known_secrets, security, deploy=True)
        system_checks.register(checks.check_providers_are_real, security, deploy=True)
        system_checks.register(checks.check_providers_are_configured, security, deploy=True)
        system_checks.register(checks.check_bounces_are_heard, security, deploy=True)
