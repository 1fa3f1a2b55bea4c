"""What a person did, moved or was told; everything else is derived from the protocol. Read next: planner.py, nudges.py.

The planner row is the only thing a run reads: one a person and track (tracks.py), found by (zone, track, burst start). It changes
when a burst ends, when a session is completed, or when the person becomes or stops being eligible; a run rewrites nobody
(docs/adr/0006).
"""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from channels_ace.api import Message
from studies.api import Enrollment, ProtocolVersion


class ActivityEvent(models.Model):
    """What someone did about a dated fact of one enrollment. Rows are added, never changed: the newest of an event counts."""

    class Change(models.TextChoices):
        SET = "set", _("Set")
        # It stays removed, whatever becomes of its origin.
        REMOVED = "removed", _("Removed")
        # As the protocol generates it.
        RESTORED = "restored", _("Restored")

    enrollment = models.ForeignKey(Enrollment, models.CASCADE, related_name="events", verbose_name=_("enrollment"))
    event_id = models.CharField(_("event"), max_length=128)
    change = models.CharField(_("change"), max_length=16, choices=Change.choices, default=Change.SET)
    date = models.DateField(_("local date"), null=True, blank=True)
    at = models.DateTimeField(_("recorded"))
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("who"))
    # The name of another service's token, where it was one and no person.
    service = models.CharField(_("service"), max_length=100, blank=True, default="")
    why = models.CharField(_("why"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("activity event")
        verbose_name_plural = _("activity events")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(change="set", date__isnull=False) | models.Q(~models.Q(change="set"), date__isnull=True),
                name="activity_event_set_has_date",
            )
        ]

    def __str__(self) -> str:
        return self.event_id


class PlannerRow(models.Model):
    """Where one person is on one track: their current burst (or the next one), and which of its days are done."""

    # No constraints in the database: a hundred thousand rows are written at once, and checked one by one they take twice as long.
    enrollment = models.ForeignKey(
        Enrollment, models.CASCADE, db_constraint=False, db_index=False, related_name="plans", verbose_name=_("enrollment")
    )
    # The place of the track in the protocol version; the study is watched by the first.
    track = models.PositiveSmallIntegerField(_("track"), db_default=0, default=0)
    version = models.ForeignKey(
        ProtocolVersion, models.PROTECT, db_constraint=False, db_index=False, related_name="+", verbose_name=_("protocol version")
    )
    time_zone = models.CharField(_("time zone"), max_length=64)
    # 0: not planned yet.
    burst = models.PositiveSmallIntegerField(_("burst"))
    burst_start = models.DateField(_("burst starts"))
    # Bit d is set when day d (from 0) of this burst is done; the count stands beside it because SQLite counts no bits.
    done = models.BigIntegerField(_("done days"), db_default=0, default=0)
    done_count = models.PositiveSmallIntegerField(_("number of done days"), db_default=0, default=0)
    # False when no rule applies any more: withdrawn, paused, not consented, or the last burst is over.
    is_eligible = models.BooleanField(_("eligible"), db_default=True, default=True)

    class Meta:
        verbose_name = _("plan")
        verbose_name_plural = _("plans")
        constraints = [models.UniqueConstraint(fields=["enrollment", "track"], name="plan_once")]
        indexes = [
            models.Index(fields=["time_zone", "track", "burst_start"], name="plan_zone_track_start", condition=models.Q(is_eligible=True))
        ]

    def __str__(self) -> str:
        return f"plan {self.pk}"


class Place(models.Model):
    """A zone in which people of a version have been planned for: so that a tick asks a few rows whose hour it is, not everybody's."""

    version = models.ForeignKey(ProtocolVersion, models.CASCADE, related_name="+", verbose_name=_("protocol version"))
    time_zone = models.CharField(_("time zone"), max_length=64)
    # Until when its people have been told what began (tellings.py).
    told_through = models.DateTimeField(_("told through"), null=True, blank=True)
    # The last local date on which those whose burst was over were moved on to the next (rolling.py).
    rolled_on = models.DateField(_("moved on"), null=True, blank=True)

    class Meta:
        verbose_name = _("place")
        verbose_name_plural = _("places")
        constraints = [models.UniqueConstraint(fields=["version", "time_zone"], name="place_once")]

    def __str__(self) -> str:
        return self.time_zone


class Completion(models.Model):
    """A session that a person started, finished or declined. `session_id` survives amendments of times."""

    enrollment = models.ForeignKey(Enrollment, models.CASCADE, related_name="completions", verbose_name=_("enrollment"))
    session_id = models.CharField(_("session"), max_length=128)
    burst = models.PositiveSmallIntegerField(_("burst"))
    day = models.PositiveSmallIntegerField(_("day"))
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    declined = models.BooleanField(_("declined"), default=False)
    # Whether finishing it makes the day done: it is a session of the task that the nudge rules count.
    counts = models.BooleanField(_("counts"), default=True)
    client_data = models.JSONField(_("client data"), default=dict, blank=True)
    recorded_at = models.DateTimeField(_("recorded"))

    class Meta:
        verbose_name = _("completion")
        verbose_name_plural = _("completions")
        constraints = [models.UniqueConstraint(fields=["enrollment", "session_id"], name="completion_once")]
        # What somebody did lately, for rules that count it.
        indexes = [models.Index(fields=["enrollment", "finished_at"], name="completion_finished")]

    def __str__(self) -> str:
        return self.session_id


class DrawnTime(models.Model):
    """When a session by chance opens for one person: the minute of a local date that was drawn for them, kept for a few days."""

    enrollment = models.ForeignKey(Enrollment, models.CASCADE, related_name="+", db_constraint=False, verbose_name=_("enrollment"))
    local_date = models.DateField(_("local date"))
    session_id = models.CharField(_("session"), max_length=128)
    minute = models.PositiveSmallIntegerField(_("minute of the day"))

    class Meta:
        verbose_name = _("drawn time")
        verbose_name_plural = _("drawn times")
        constraints = [models.UniqueConstraint(fields=["enrollment", "local_date", "session_id"], name="drawn_time_once")]
        indexes = [models.Index(fields=["local_date"], name="drawn_time_local_date")]

    def __str__(self) -> str:
        return f"{self.session_id} {self.minute // 60:02d}:{self.minute % 60:02d}"


class RunLedger(models.Model):
    """One run of one rule for one zone's local date: written with its nudges, so that a second run finds it and does nothing.

    Where the rule is about sessions by chance, it runs all day: `ran_at` says until when it has.
    """

    version = models.ForeignKey(ProtocolVersion, models.CASCADE, related_name="runs", verbose_name=_("protocol version"))
    rule = models.CharField(_("rule"), max_length=96)
    time_zone = models.CharField(_("time zone"), max_length=64)
    local_date = models.DateField(_("local date"))
    ran_at = models.DateTimeField(_("ran"))
    decided = models.PositiveIntegerField(_("decided"), default=0)
    nudged = models.PositiveIntegerField(_("nudged"), default=0)

    class Meta:
        verbose_name = _("run")
        verbose_name_plural = _("runs")
        constraints = [models.UniqueConstraint(fields=["version", "rule", "time_zone", "local_date"], name="run_once")]

    def __str__(self) -> str:
        return f"{self.rule} {self.time_zone} {self.local_date}"


class NudgeDecision(models.Model):
    """Why a person inside a burst was, or was not, reminded on one local day. The noes are kept too."""

    enrollment = models.ForeignKey(
        Enrollment, models.CASCADE, related_name="nudge_decisions", db_constraint=False, verbose_name=_("enrollment")
    )
    rule = models.CharField(_("rule"), max_length=96)
    local_date = models.DateField(_("local date"))
    burst = models.PositiveSmallIntegerField(_("burst"))
    # early, late, cumulative, few, pre_burst, session or none
    decision = models.CharField(_("decision"), max_length=16)
    reason = models.CharField(_("reason"), max_length=64)
    # The way by which the person was reminded, the last where several were tried; and those passed over, as "push:no_contact_point ".
    channel = models.CharField(_("channel"), max_length=16, blank=True, db_default="", default="")
    passed_over = models.CharField(_("channels passed over"), max_length=400, blank=True, db_default="", default="")
    decided_at = models.DateTimeField(_("decided"))

    class Meta:
        verbose_name = _("nudge decision")
        verbose_name_plural = _("nudge decisions")
        constraints = [models.UniqueConstraint(fields=["enrollment", "rule", "local_date"], name="nudge_decision_once")]

    def __str__(self) -> str:
        return f"{self.decision}: {self.reason}"

    @property
    def ways_passed_over(self) -> list[tuple[str, str]]:
        """The channels passed over, each with the code of its reason."""
        ways = (way.partition(":") for way in self.passed_over.split())
        return [(channel, reason) for channel, _colon, reason in ways]


class Nudge(models.Model):
    """A reminder that was handed to the router. Unique for each slot of a burst of a series: never twice."""

    enrollment = models.ForeignKey(Enrollment, models.CASCADE, related_name="nudges", db_constraint=False, verbose_name=_("enrollment"))
    burst = models.PositiveSmallIntegerField(_("burst"))
    # "missed" (early, late, cumulative and few share it) or "pre_burst"; with the id of a further burst series, or an event and its day.
    # A step in a session's chain: "session:<id of the session>:01".
    slot = models.CharField(_("slot"), max_length=160)
    kind = models.CharField(_("kind"), max_length=16)
    variant = models.CharField(_("text"), max_length=200)
    local_date = models.DateField(_("local date"))
    nudged_at = models.DateTimeField(_("nudged"))
    message = models.ForeignKey(Message, models.DO_NOTHING, db_constraint=False, related_name="+", verbose_name=_("message"))

    class Meta:
        verbose_name = _("nudge")
        verbose_name_plural = _("nudges")
        constraints = [models.UniqueConstraint(fields=["enrollment", "burst", "slot"], name="nudge_once")]
        indexes = [
            models.Index(fields=["message"], name="nudge_message"),
            # Who was reminded in the last hours, in any study.
            models.Index(fields=["nudged_at"], name="nudge_nudged_at"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.local_date}"


class Told(models.Model):
    """That a person has been told of a session that waits, or of a burst that begins: never twice."""

    enrollment = models.ForeignKey(Enrollment, models.CASCADE, related_name="+", db_constraint=False, verbose_name=_("enrollment"))
    # "session:<id>", or "burst:<the event at which it starts>".
    what = models.CharField(_("what"), max_length=160)
    told_at = models.DateTimeField(_("told"))
    message = models.ForeignKey(Message, models.DO_NOTHING, db_constraint=False, related_name="+", verbose_name=_("message"))

    class Meta:
        verbose_name = _("told")
        verbose_name_plural = _("told")
        constraints = [models.UniqueConstraint(fields=["enrollment", "what"], name="told_once")]
        indexes = [models.Index(fields=["told_at"], name="told_told_at")]

    def __str__(self) -> str:
        return self.what
