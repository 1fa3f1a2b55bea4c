"""What other apps may use of studies; everything else here may change."""

from studies.access import get_enrollment, get_study, may_change, may_create, may_research, takes_part, visible_studies
from studies.audit import write_audit
from studies.description import describe_study
from studies.enrollment import NotOpen, enroll, withdraw
from studies.models import AuditEntry, DataGroup, Enrollment, ProtocolVersion, Study, StudyRole
from studies.protocol import MissedDaysNudge, PreBurstNudge, Protocol, ProtocolError
from studies.publishing import create_study, import_protocol, protocol_of, publish, published_version
from studies.shipped import shipped_protocols

__all__ = [
    "AuditEntry",
    "DataGroup",
    "Enrollment",
    "MissedDaysNudge",
    "NotOpen",
    "PreBurstNudge",
    "Protocol",
    "ProtocolError",
    "ProtocolVersion",
    "Study",
    "StudyRole",
    "create_study",
    "describe_study",
    "enroll",
    "get_enrollment",
    "get_study",
    "import_protocol",
    "may_change",
    "may_create",
    "may_research",
    "protocol_of",
    "publish",
    "published_version",
    "shipped_protocols",
    "takes_part",
    "visible_studies",
    "withdraw",
    "write_audit",
]
