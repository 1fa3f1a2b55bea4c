"""The study as designed, and who is in it. Read next: protocol.py for the document, enrollment.py for joining and leaving."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from channels_ace.api import new_public_id


class Study(models.Model):
    """A trial. Participants know it by `participant_name`, which never tells a condition."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        LIVE = "live", _("Live")
        PAUSED = "paused", _("Paused")
        CLOSED = "closed", _("Closed")

    public_id = models.CharField(_("id"), max_length=22, unique=True, default=new_public_id, editable=False)
    name = models.CharField(_("name"), max_length=120)
    participant_name = models.CharField(_("name for participants"), max_length=60)
    state = models.CharField(_("state"), max_length=16, choices=State.choices, default=State.DRAFT)
    created_at = models.DateTimeField(_("created"))

    class Meta:
        verbose_name = _("study")
        verbose_name_plural = _("studies")

    def __str__(self) -> str:
        return self.name

    @property
    def scope(self) -> str:
        """What messages of this study are about."""
        return f"study:{self.public_id}"


class StudyRole(models.Model):
    """What a person may do in one study."""

    class Role(models.TextChoices):
        OWNER = "owner", _("Owner")
        COORDINATOR = "coordinator", _("Coordinator")
        VIEWER = "viewer", _("Viewer")

    study = models.ForeignKey(Study, models.CASCADE, related_name="roles", verbose_name=_("study"))
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="study_roles", verbose_name=_("user"))
    role = models.CharField(_("role"), max_length=16, choices=Role.choices)

    class Meta:
        verbose_name = _("study role")
        verbose_name_plural = _("study roles")
        constraints = [models.UniqueConstraint(fields=["study", "user"], name="study_role_once")]

    def __str__(self) -> str:
        return self.get_role_display()


class ProtocolVersion(models.Model):
    """A design of the study: a document that never changes once published."""

    study = models.ForeignKey(Study, models.CASCADE, related_name="versions", verbose_name=_("study"))
    number = models.PositiveIntegerField(_("number"))
    document = models.JSONField(_("document"))
    imported_at = models.DateTimeField(_("imported"))
    published_at = models.DateTimeField(_("published"), null=True, blank=True)
    # Those who joined by this version live by that one since: a row says so for all of them.
    amended_by = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, editable=False, related_name="amends", verbose_name=_("amended by")
    )

    class Meta:
        verbose_name = _("protocol version")
        verbose_name_plural = _("protocol versions")
        constraints = [models.UniqueConstraint(fields=["study", "number"], name="protocol_version_once")]

    def __str__(self) -> str:
        return _("%(study)s, version %(number)d") % {"study": self.study.name, "number": self.number}


class Enrollment(models.Model):
    """A person in a study, from one local calendar date on."""

    class State(models.TextChoices):
        ACTIVE = "active", _("Active")
        PAUSED = "paused", _("Paused")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    public_id = models.CharField(_("id"), max_length=22, unique=True, default=new_public_id, editable=False)
    study = models.ForeignKey(Study, models.PROTECT, related_name="enrollments", verbose_name=_("study"))
    version = models.ForeignKey(ProtocolVersion, models.PROTECT, related_name="enrollments", verbose_name=_("protocol version"))
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="enrollments", verbose_name=_("participant"))
    code = models.CharField(_("participant code"), max_length=32)
    state = models.CharField(_("state"), max_length=16, choices=State.choices, default=State.ACTIVE)
    enrolled_at = models.DateTimeField(_("enrolled"))
    # The date on the participant's own calendar: burst starts count from it and keep its weekday (docs/adr/0005).
    enrolled_date = models.DateField(_("enrolled on (local date)"))
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True, default="")
    consented_at = models.DateTimeField(_("consented"), null=True, blank=True)
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True, blank=True)

    class Meta:
        verbose_name = _("enrollment")
        verbose_name_plural = _("enrollments")
        constraints = [
            # Who left may come back: as another enrollment, with dates of its own.
            models.UniqueConstraint(fields=["study", "user"], condition=~models.Q(state="withdrawn"), name="enrollment_once"),
            models.UniqueConstraint(fields=["study", "code"], name="enrollment_code_once"),
        ]
        indexes = [models.Index(fields=["study", "state"], name="enrollment_study_state")]

    def __str__(self) -> str:
        return self.code


class DataGroup(models.Model):
    """A mark on an enrollment by which rules and texts differ; the first that matches counts."""

    enrollment = models.ForeignKey(Enrollment, models.CASCADE, related_name="data_groups", verbose_name=_("enrollment"))
    name = models.CharField(_("name"), max_length=64)

    class Meta:
        verbose_name = _("data group")
        verbose_name_plural = _("data groups")
        constraints = [models.UniqueConstraint(fields=["enrollment", "name"], name="data_group_once")]

    def __str__(self) -> str:
        return self.name


class ProfileAttribute(models.Model):
    """What the app or a service knows of a participant, as their protocol declares it; rules can ask for it."""

    enrollment = models.ForeignKey(Enrollment, models.CASCADE, related_name="attributes", verbose_name=_("enrollment"))
    name = models.CharField(_("name"), max_length=64)
    value = models.CharField(_("value"), max_length=64)
    # The value again where it is a number: rules compare it.
    number = models.BigIntegerField(_("number"), null=True, blank=True)

    class Meta:
        verbose_name = _("profile attribute")
        verbose_name_plural = _("profile attributes")
        constraints = [models.UniqueConstraint(fields=["enrollment", "name"], name="profile_attribute_once")]

    def __str__(self) -> str:
        return self.name


class AuditEntry(models.Model):
    """Who changed what in a study, when and why. Entries are added, never changed."""

    study = models.ForeignKey(Study, models.CASCADE, related_name="audit", verbose_name=_("study"))
    enrollment = models.ForeignKey(Enrollment, models.SET_NULL, null=True, blank=True, related_name="audit", verbose_name=_("enrollment"))
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("who"))
    at = models.DateTimeField(_("when"))
    what = models.CharField(_("what"), max_length=64)
    details = models.JSONField(_("details"), default=dict)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")

    def __str__(self) -> str:
        return self.what
