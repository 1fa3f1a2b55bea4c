"""The words of why a study says nothing to someone. Read next: policies.py."""

from django.utils.translation import gettext_lazy as _

from channels_ace.api import add_reasons

add_reasons(
    {
        "withdrawn": _("They have withdrawn from the study."),
        "paused": _("They are paused in the study."),
        "not_consented": _("They have not given consent."),
        "study_paused": _("The study is paused."),
        "not_enrolled": _("They are not enrolled in the study."),
    }
)
