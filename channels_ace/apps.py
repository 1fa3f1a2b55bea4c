from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ChannelsAceConfig(AppConfig):
    name = "channels_ace"
    # A label of ours: this app lives in other people's projects.
    label = "carillon_channels"
    verbose_name = _("Delivery")
