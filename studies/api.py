"""What other apps may use of studies; everything else here may change."""

from studies.access import get_enrollment, get_study, may_change, may_create, may_research, takes_part, visible_studies
from studies.attributes import NotAllowed, attributes_of, choose_attributes, meets
from studies.audit import write_audit
from studies.description import describe_study
from studies.enrollment import choose_data_groups, choose_zone, draw_missing_arms, give_consent, pause, resume, withdraw
from studies.models import AuditEntry, DataGroup, Enrollment, ProtocolVersion, Study, StudyRole
from studies.newcomers import Newcomer, NotEnrollable, NotOpen, enroll, enroll_all
from studies.protocol import (
    BurstSeries,
    CountingNudge,
    FewActivitiesNudge,
    MissedDaysNudge,
    PreBurstNudge,
    Protocol,
    ProtocolError,
    Rule,
    SessionReminder,
)
from studies.publishing import create_study, hold_versions, import_protocol, protocol_of, publish, published_version
from studies.shipped import shipped_protocols
from studies.text_variables import OWN, TextValues, fill_in, variables_of
from studies.texting import NotSendable, send_text

__all__ = [
    "OWN",
    "AuditEntry",
    "BurstSeries",
    "CountingNudge",
    "DataGroup",
    "Enrollment",
    "FewActivitiesNudge",
    "MissedDaysNudge",
    "Newcomer",
    "NotAllowed",
    "NotEnrollable",
    "NotOpen",
    "NotSendable",
    "PreBurstNudge",
    "Protocol",
    "ProtocolError",
    "ProtocolVersion",
    "Rule",
    "SessionReminder",
    "Study",
    "StudyRole",
    "TextValues",
    "attributes_of",
    "choose_attributes",
    "choose_data_groups",
    "choose_zone",
    "create_study",
    "describe_study",
    "draw_missing_arms",
    "enroll",
    "enroll_all",
    "fill_in",
    "get_enrollment",
    "get_study",
    "give_consent",
    "hold_versions",
    "import_protocol",
    "may_change",
    "may_create",
    "may_research",
    "meets",
    "pause",
    "protocol_of",
    "publish",
    "published_version",
    "resume",
    "send_text",
    "shipped_protocols",
    "takes_part",
    "variables_of",
    "visible_studies",
    "withdraw",
    "write_audit",
]
