"""A client of Carillon's API. Made from its schema by tools/make_client.py: change that, not this. Needs only the standard library.

    client = Client("https://carillon.example.org", "carillon_service_...")
    asked = client.send_message({"texts": {"title": {"en": "Hello"}}, "audience": {"usernames": ["ana"]}})
    client.get_message(asked["id"])["progress"]

Whatever is refused raises Problem. A call that creates something is sent with an Idempotency-Key, and sent again under it when its
answer is lost or the server asks to wait.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any, Literal, NotRequired, TypedDict, cast
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen
from uuid import uuid4


@dataclass
class Problem(Exception):
    """What the API refused, as RFC 9457 says it; `errors` names the places in the body or query."""

    status: int
    title: str
    detail: str
    type: str = "about:blank"
    errors: list[dict[str, str]] = field(default_factory=list)

    def __str__(self) -> str:
        places = "; ".join(f"{one['path']}: {one['message']}" for one in self.errors)
        return f"{self.status} {self.title}: {places or self.detail}"


def _new_key() -> str:
    return uuid4().hex


def _quoted(part: str) -> str:
    return quote(part, safe="")


def _written(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _problem(error: HTTPError) -> Problem:
    try:
        told = json.loads(error.read())
    except ValueError:
        return Problem(error.code, error.reason, "")
    return Problem(error.code, told.get("title", ""), told.get("detail", ""), told.get("type", ""), told.get("errors", []))


class Adherence(TypedDict):
    percent: int
    completed: int
    due: int
    progress: ProgressEnum
    bursts: list[BurstOfDays]


class AllEnrolled(TypedDict):
    items: list[Enrolled]


class AudienceRequest(TypedDict):
    usernames: NotRequired[list[str]]
    platform_ids: NotRequired[list[int]]
    course: NotRequired[CourseRequest]
    everyone: NotRequired[bool]


class BellToken(TypedDict):
    token: str
    expires_at: str


class Burst(TypedDict):
    percent: int
    completed: int
    due: int
    progress: ProgressEnum
    series: str
    burst: int


class BurstOfDays(TypedDict):
    percent: int
    completed: int
    due: int
    progress: ProgressEnum
    series: str
    burst: int
    days: list[Day]


class Cadence(TypedDict):
    cadence: CadenceEnum


class CadenceChoice(TypedDict):
    value: str
    label: str


CadenceEnum = Literal["now", "daily", "weekly"]


class Cadences(TypedDict):
    cadences: list[ScopedCadence]
    choices: list[CadenceChoice]


class CalendarLink(TypedDict):
    created_at: str | None


class Cancellation(TypedDict):
    cancelled_at: str
    deliveries: int


CategoryEnum = Literal["discussion", "course_dates", "account", "study", "other"]


class Cell(TypedDict):
    channel: str
    is_on: bool
    is_locked: bool
    exists: bool


class Change(TypedDict):
    change: ChangeEnum
    date: str | None
    at: str
    who: str
    why: str


ChangeEnum = Literal["set", "removed", "restored"]


class Changes(TypedDict):
    items: list[InboxItem]
    kept_from: str
    has_more: bool
    cursor: str


class Channel(TypedDict):
    channel: str
    state: str
    reason: str
    words: str
    steps: list[Step]


class ChannelState(TypedDict):
    channel: str
    label: str
    is_on: bool
    reaches_you: bool
    why_not: str
    add_url: str | None


class ChannelStates(TypedDict):
    channels: list[ChannelState]


ChannelsEnum = Literal["inbox", "email", "push", "sms"]


class CodeRequest(TypedDict):
    code: str


class Completion(TypedDict):
    session_id: str
    burst: int
    day: int
    started_at: str | None
    finished_at: str | None
    declined: bool
    client_data: dict[str, Any]
    recorded_at: str


class Completions(TypedDict):
    items: list[Completion]
    next_cursor: str | None


class ContactPoint(TypedDict):
    id: str
    kind: ContactPointKind
    ends_in: str
    verified_at: str | None
    added_at: str


ContactPointKind = Literal["phone", "email"]


class ContactPoints(TypedDict):
    contact_points: list[ContactPoint]


class Count(TypedDict):
    channel: str
    state: str
    reason: str
    words: str
    count: int


class Counts(TypedDict):
    unread: int
    unseen_badge: int
    by_category: dict[str, int]
    version: int


CourseDateKind = Literal["assignment", "course_starts", "course_ends", "upgrade", "certificate", "ora_step"]


class CourseRequest(TypedDict):
    roles: NotRequired[list[str]]
    modes: NotRequired[list[str]]
    cohorts: NotRequired[list[str]]
    teams: NotRequired[list[str]]
    key: str
    but_not: NotRequired[PartOfCourseRequest]


class DateRequest(TypedDict):
    external_id: str
    kind: NotRequired[CourseDateKind]
    title: str
    when: str
    link: NotRequired[str]
    username: NotRequired[str]
    is_cancelled: NotRequired[bool]


class DatesCount(TypedDict):
    new: int
    moved: int
    changed: int
    same: int


class DatesPage(TypedDict):
    dates: list[ShownDate]
    next_cursor: str | None


class DatesRequest(TypedDict):
    dates: list[DateRequest]
    dry_run: NotRequired[bool]


class Day(TypedDict):
    percent: int
    completed: int
    due: int
    progress: ProgressEnum
    day: int
    date: str
    is_extension: bool
    sessions: dict[
        str, Literal["not_yet_available", "unstarted", "started", "completed", "abandoned", "expired", "not_applicable", "declined"]
    ]


class Device(TypedDict):
    id: str
    kind: DeviceKind
    ends_in: str
    added_at: str


DeviceKind = Literal["token", "installation"]


class Devices(TypedDict):
    devices: list[Device]


class Enrolled(TypedDict):
    id: str
    study: str
    study_name: str
    code: str
    state: EnrollmentState
    enrolled_at: str
    enrolled_date: str
    withdrawn_at: str | None
    has_consented: bool
    time_zone: str
    time_zone_policy: str
    data_groups: list[str]
    attributes: dict[str, str | int | bool]
    protocol_version: int
    is_new: bool
    events: list[Event]


class Enrollment(TypedDict):
    id: str
    study: str
    study_name: str
    code: str
    state: EnrollmentState
    enrolled_at: str
    enrolled_date: str
    withdrawn_at: str | None
    has_consented: bool
    time_zone: str
    time_zone_policy: str
    data_groups: list[str]
    attributes: dict[str, str | int | bool]
    protocol_version: int


EnrollmentState = Literal["active", "paused", "withdrawn"]


class Enrollments(TypedDict):
    items: list[Enrollment]


class Event(TypedDict):
    event_id: str
    date: str | None
    state: EventState
    update_type: UpdateTypeEnum


class EventBodyRequest(TypedDict):
    date: str
    why: NotRequired[str]


EventState = Literal["generated", "set", "removed", "unset"]


class Events(TypedDict):
    items: list[Event]


EventsEnum = Literal["message.planned", "message.refused", "message.cancelled", "deliveries.changed"]


class Explanation(TypedDict):
    id: str
    channels: list[Channel]


class History(TypedDict):
    items: list[Change]


class InboxItem(TypedDict):
    id: str
    type: str
    category: CategoryEnum
    title: str
    text: str
    link: str | None
    course: str | None
    created_at: str
    seen_at: str | None
    read_at: str | None
    archived_at: str | None
    snoozed_until: str | None


class InboxPage(TypedDict):
    items: list[InboxItem]
    next_cursor: str | None


class Kept(TypedDict):
    new: int
    changed: int
    same: int


LanguageEnum = Literal["en", "es", "ar"]


class Marked(TypedDict):
    unread: int
    unseen_badge: int
    by_category: dict[str, int]
    version: int
    undo: str | None


class MembershipRequest(TypedDict):
    username: NotRequired[str]
    platform_id: NotRequired[int]
    role: NotRequired[str]
    mode: NotRequired[str]
    cohort: NotRequired[str]
    team: NotRequired[str]
    is_active: NotRequired[bool]


class MembershipsRequest(TypedDict):
    memberships: list[MembershipRequest]
    course_name: NotRequired[str]
    tell: NotRequired[bool]
    dry_run: NotRequired[bool]


class Message(TypedDict):
    id: str
    state: MessageState
    type: str
    scope: str
    asked_at: str
    send_after: str | None
    expires_at: str | None
    cancelled_at: str | None
    refused_because: str


MessageState = Literal["waiting", "planning", "planned", "cancelled", "refused"]


class MessageStatus(TypedDict):
    id: str
    state: MessageState
    type: str
    scope: str
    asked_at: str
    send_after: str | None
    expires_at: str | None
    cancelled_at: str | None
    refused_because: str
    progress: Progress
    counts: list[Count]


class Messages(TypedDict):
    items: list[Message]
    next_cursor: str | None


class Mute(TypedDict):
    key: str
    kind: str
    label: str
    muted_at: str


class Mutes(TypedDict):
    mutes: list[Mute]


class NewCalendarLink(TypedDict):
    created_at: str | None
    address: str


class NewContactPointRequest(TypedDict):
    phone: str


class NewDeviceRequest(TypedDict):
    kind: DeviceKind
    address: str


class NewMessageRequest(TypedDict):
    type: NotRequired[str]
    context: NotRequired[dict[str, Any]]
    texts: NotRequired[TextsRequest]
    audience: AudienceRequest
    link: NotRequired[str]
    scope: NotRequired[str]
    channels: NotRequired[list[ChannelsEnum]]
    send_after: NotRequired[str | None]
    expires_at: NotRequired[str | None]


class NewMuteRequest(TypedDict):
    key: str
    label: NotRequired[str]


class NewWebhookRequest(TypedDict):
    url: str
    events: list[EventsEnum]


class NewcomerRequest(TypedDict):
    username: NotRequired[str]
    platform_id: NotRequired[int]
    code: str
    consented_at: str | None
    enrolled_at: NotRequired[str]
    time_zone: NotRequired[str]
    data_groups: NotRequired[list[str]]
    attributes: NotRequired[dict[str, str | int | bool]]
    again: NotRequired[bool]


class NewcomersRequest(TypedDict):
    participants: list[NewcomerRequest]


class NewlyMade(TypedDict):
    id: str
    url: str
    events: list[EventsEnum]
    made_at: str
    secret: str


class NudgeRecord(TypedDict):
    enrollment: str
    code: str
    rule: str
    burst: int
    local_date: str
    decided_at: str
    decision: str
    reason: str
    probability: float
    variant: str
    channel: str
    passed_over: list[Way]
    state: str
    did_24h: bool
    did_72h: bool


class NudgeRecords(TypedDict):
    items: list[NudgeRecord]
    next_cursor: str | None


class PartOfCourseRequest(TypedDict):
    roles: NotRequired[list[str]]
    modes: NotRequired[list[str]]
    cohorts: NotRequired[list[str]]
    teams: NotRequired[list[str]]


class Participant(TypedDict):
    percent: int
    completed: int
    due: int
    progress: ProgressEnum
    enrollment: str
    code: str
    bursts: list[Burst]


class Participants(TypedDict):
    items: list[Enrollment]
    next_cursor: str | None


class PatchedCadenceRequest(TypedDict):
    cadence: NotRequired[CadenceEnum]


class PatchedChannelSwitchRequest(TypedDict):
    is_on: NotRequired[bool]


class PatchedChoiceRequest(TypedDict):
    is_on: NotRequired[bool]


class PatchedEnrollmentPatchRequest(TypedDict):
    state: NotRequired[EnrollmentState]
    time_zone: NotRequired[str]
    data_groups: NotRequired[list[str]]
    attributes: NotRequired[dict[str, str | int | bool | None]]
    consented_at: NotRequired[str]
    why: NotRequired[str]


class PatchedPlaceRequest(TypedDict):
    zone: NotRequired[str]
    language: NotRequired[LanguageEnum]


class PatchedQuietRequest(TypedDict):
    paused_until: NotRequired[str | None]
    opens: NotRequired[int]
    closes: NotRequired[int]
    days: NotRequired[list[int]]


class PatchedSummariesRequest(TypedDict):
    hour: NotRequired[int]
    weekday: NotRequired[int]


class PersonRequest(TypedDict):
    username: NotRequired[str]
    platform_id: NotRequired[int]


class PhoneRequest(TypedDict):
    phone: str


class Place(TypedDict):
    zone: NotRequired[str]
    language: NotRequired[LanguageEnum]


class Post(TypedDict):
    id: str
    event_id: str
    event: str
    payload: dict[str, Any]
    happened_at: str
    state: PostStateEnum
    attempts: int
    last_at: str | None
    answer: str


PostStateEnum = Literal["waiting", "taken", "given_up"]


class Posts(TypedDict):
    items: list[Post]
    next_cursor: str | None


class Preferences(TypedDict):
    sections: list[Section]


class Progress(TypedDict):
    people: int
    deliveries: int
    finished: int


ProgressEnum = Literal["unstarted", "in_progress", "done"]


class Quiet(TypedDict):
    paused_until: NotRequired[str | None]
    opens: NotRequired[int]
    closes: NotRequired[int]
    days: NotRequired[list[int]]


class Recipient(TypedDict):
    username: str
    channels: list[Channel]


class RenewalRequest(TypedDict):
    refresh: str


class ReportRequest(TypedDict):
    started_at: NotRequired[str | None]
    finished_at: NotRequired[str | None]
    declined: NotRequired[bool]
    client_data: NotRequired[Any]


class Row(TypedDict):
    scope: str
    label: str
    hint: str
    cells: list[Cell]
    elsewhere: list[str]


class ScopedCadence(TypedDict):
    scope: str
    cadence: str


class Secret(TypedDict):
    secret: str
    old_signs_until: str


class Section(TypedDict):
    category: str
    row: Row
    rows: list[Row]


class SeeingRequest(TypedDict):
    through: NotRequired[str]


class Session(TypedDict):
    id: str
    series: str
    burst: int
    day: int
    date: str
    task: str
    label: str
    opens_at: str
    closes_at: str
    state: SessionStateEnum
    is_extension: bool


SessionStateEnum = Literal["not_yet_available", "unstarted", "started", "completed", "abandoned", "expired", "not_applicable", "declined"]


class Sessions(TypedDict):
    time_zone: str
    items: list[Session]
    next_cursor: str | None


class SettingsCode(TypedDict):
    url: str
    code: str
    expires_at: str


class ShownDate(TypedDict):
    external_id: str
    kind: NotRequired[CourseDateKind]
    title: str
    when: str
    link: NotRequired[str]
    username: NotRequired[str]
    is_cancelled: NotRequired[bool]
    times_moved: int
    changed_at: str


class SignInRequest(TypedDict):
    username: NotRequired[str]
    password: NotRequired[str]
    phone: NotRequired[str]
    code: NotRequired[str]
    second_factor: NotRequired[str]
    app: str


class SignedInApp(TypedDict):
    id: str
    name: str
    signed_in_at: str
    renewed_at: str
    is_this: bool


class SignedInApps(TypedDict):
    apps: list[SignedInApp]


class SignedInBrowser(TypedDict):
    id: str
    device: str
    signed_in_at: str
    seen_at: str
    is_this: bool


class SignedInBrowsers(TypedDict):
    browsers: list[SignedInBrowser]


class SnoozeRequest(TypedDict):
    until: str


class Step(TypedDict):
    at: str
    what: str
    words: str


class StudyAdherence(TypedDict):
    items: list[Participant]
    next_cursor: str | None


class SubmissionCount(TypedDict):
    kept: int
    withdrawn: int


class SubmissionRequest(TypedDict):
    username: NotRequired[str]
    platform_id: NotRequired[int]
    external_id: str
    submitted_at: NotRequired[str]
    is_withdrawn: NotRequired[bool]


class SubmissionsRequest(TypedDict):
    submissions: list[SubmissionRequest]
    dry_run: NotRequired[bool]


class Summaries(TypedDict):
    hour: NotRequired[int]
    weekday: NotRequired[int]


class Text(TypedDict):
    id: str
    sent_at: str


class TextBodyRequest(TypedDict):
    text: str


class TextsRequest(TypedDict):
    title: dict[str, str]
    body: NotRequired[dict[str, str]]


class ThroughRequest(TypedDict):
    through: str


class Tokens(TypedDict):
    id: str
    access: str
    access_expires_at: str
    refresh: str
    refresh_expires_at: str


class UndoRequest(TypedDict):
    undo: str


UpdateTypeEnum = Literal["mutable", "immutable", "future_only"]


class Way(TypedDict):
    channel: str
    reason: str


class Webhook(TypedDict):
    id: str
    url: str
    events: list[EventsEnum]
    made_at: str


class Webhooks(TypedDict):
    webhooks: list[Webhook]


class WhyBodyRequest(TypedDict):
    why: NotRequired[str]


class Client:
    """The API at an address, called with a token: of a service, or of a signed-in app."""

    def __init__(self, address: str, token: str, *, language: str = "en", tries: int = 3, seconds: float = 10) -> None:
        self._address = address.rstrip("/")
        self._headers = {"authorization": f"Bearer {token}", "accept-language": language, "accept": "application/json"}
        self._tries, self._seconds = tries, seconds

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, Any] | None = None,
        body: Any = None,
        key: str = "",
        content_type: str = "application/json",
    ) -> Any:
        asked = {name: _written(value) for name, value in (query or {}).items() if value is not None}
        address = f"{self._address}{path}{'?' + urlencode(asked) if asked else ''}"
        headers = {**self._headers, **({"idempotency-key": key} if key else {})}
        # Bytes are a file, sent as it is.
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        if data is not None:
            headers["content-type"] = content_type
        may_repeat = method == "GET" or bool(key)
        for number in range(1, self._tries + 1):
            try:
                with urlopen(Request(address, data, headers, method=method), timeout=self._seconds) as answer:  # noqa: S310 - the caller's own address
                    text = answer.read()
                return json.loads(text) if text else None
            except HTTPError as error:
                problem, wait = _problem(error), error.headers.get("retry-after", "")
                is_last = number == self._tries
                if is_last or not may_repeat or error.code not in (429, 503) or not wait.isdigit():
                    raise problem from None
                time.sleep(min(int(wait), 60))
            except (URLError, HTTPException, TimeoutError, ConnectionError):
                if number == self._tries or not may_repeat:
                    raise
                time.sleep(number / 2)
        raise AssertionError("unreachable")

    def make_bell_token(self, body: PersonRequest) -> BellToken:
        """Let a bell on your site into one person's inbox for ten minutes."""
        return cast("BellToken", self._call("POST", "/api/v1/bell-tokens/", body=body))

    def end_calendar_link(self) -> None:
        """End the address of your calendar."""
        self._call("DELETE", "/api/v1/calendar-link/")

    def get_calendar_link(self) -> CalendarLink:
        """Whether your dates can be read as a calendar."""
        return cast("CalendarLink", self._call("GET", "/api/v1/calendar-link/"))

    def make_calendar_link(self, *, idempotency_key: str = "") -> NewCalendarLink:
        """Make the address of your calendar."""
        return cast("NewCalendarLink", self._call("POST", "/api/v1/calendar-link/", body={}, key=idempotency_key or _new_key()))

    def list_contact_points(self) -> ContactPoints:
        """Your phone number and e-mail address."""
        return cast("ContactPoints", self._call("GET", "/api/v1/contact-points/"))

    def add_contact_point(self, body: NewContactPointRequest, *, idempotency_key: str = "") -> ContactPoint:
        """Give your phone number; a code is texted to it."""
        return cast("ContactPoint", self._call("POST", "/api/v1/contact-points/", body=body, key=idempotency_key or _new_key()))

    def remove_contact_point(self, point_id: str) -> None:
        """Remove your phone number or e-mail address, so that nothing more goes there."""
        self._call("DELETE", f"/api/v1/contact-points/{_quoted(point_id)}/")

    def ask_for_code(self, point_id: str) -> None:
        """Have another code texted."""
        self._call("POST", f"/api/v1/contact-points/{_quoted(point_id)}/codes/", body={})

    def verify_contact_point(self, point_id: str, body: CodeRequest) -> ContactPoint:
        """Prove by the code that the phone is yours."""
        return cast("ContactPoint", self._call("POST", f"/api/v1/contact-points/{_quoted(point_id)}/verification/", body=body))

    def list_course_dates(self, course_key: str, *, cursor: str | None = None) -> DatesPage:
        """One page of a course's dates, the learners' own with them."""
        return cast("DatesPage", self._call("GET", f"/api/v1/courses/{_quoted(course_key)}/dates/", query={"cursor": cursor}))

    def keep_course_dates(
        self,
        course_key: str,
        body: DatesRequest | bytes,
        *,
        content_type: str = "application/json",
        dry_run: bool | None = None,
        idempotency_key: str = "",
    ) -> DatesCount:
        """Say when things of a course are due."""
        return cast(
            "DatesCount",
            self._call(
                "POST",
                f"/api/v1/courses/{_quoted(course_key)}/dates/",
                query={"dry_run": dry_run},
                body=body,
                content_type=content_type,
                key=idempotency_key or _new_key(),
            ),
        )

    def cancel_course_date(self, course_key: str, external_id: str, *, username: str | None = None) -> None:
        """Take a date back: nobody is reminded of it any more."""
        self._call("DELETE", f"/api/v1/courses/{_quoted(course_key)}/dates/{_quoted(external_id)}/", query={"username": username})

    def keep_memberships(self, course_key: str, body: MembershipsRequest, *, idempotency_key: str = "") -> Kept:
        """Say who is in a course, and as what."""
        return cast(
            "Kept", self._call("POST", f"/api/v1/courses/{_quoted(course_key)}/memberships/", body=body, key=idempotency_key or _new_key())
        )

    def keep_submissions(self, course_key: str, body: SubmissionsRequest, *, idempotency_key: str = "") -> SubmissionCount:
        """Say who handed in what."""
        return cast(
            "SubmissionCount",
            self._call("POST", f"/api/v1/courses/{_quoted(course_key)}/submissions/", body=body, key=idempotency_key or _new_key()),
        )

    def list_devices(self) -> Devices:
        """The devices that get your push notifications."""
        return cast("Devices", self._call("GET", "/api/v1/devices/"))

    def register_device(self, body: NewDeviceRequest, *, idempotency_key: str = "") -> Device:
        """Register this device; again changes nothing."""
        return cast("Device", self._call("POST", "/api/v1/devices/", body=body, key=idempotency_key or _new_key()))

    def remove_device(self, device_id: str) -> None:
        """Remove a device, as signing out does."""
        self._call("DELETE", f"/api/v1/devices/{_quoted(device_id)}/")

    def list_enrollments(self) -> Enrollments:
        """The studies you are in."""
        return cast("Enrollments", self._call("GET", "/api/v1/enrollments/"))

    def get_enrollment(self, enrollment_id: str) -> Enrollment:
        """A person in a study."""
        return cast("Enrollment", self._call("GET", f"/api/v1/enrollments/{_quoted(enrollment_id)}/"))

    def change_enrollment(self, enrollment_id: str, body: PatchedEnrollmentPatchRequest) -> Enrollment:
        """Pause, resume, withdraw; report consent and the phone's time zone; choose data groups and attributes."""
        return cast("Enrollment", self._call("PATCH", f"/api/v1/enrollments/{_quoted(enrollment_id)}/", body=body))

    def get_adherence(self, enrollment_id: str) -> Adherence:
        """A participant's adherence by day, burst and study."""
        return cast("Adherence", self._call("GET", f"/api/v1/enrollments/{_quoted(enrollment_id)}/adherence/"))

    def list_completions(
        self, enrollment_id: str, *, burst: int | None = None, cursor: str | None = None, since: str | None = None
    ) -> Completions:
        """What a participant started, finished and declined, by pages, in the order in which it was first reported."""
        return cast(
            "Completions",
            self._call(
                "GET",
                f"/api/v1/enrollments/{_quoted(enrollment_id)}/completions/",
                query={"burst": burst, "cursor": cursor, "since": since},
            ),
        )

    def list_events(self, enrollment_id: str) -> Events:
        """The activity events of an enrollment, by date."""
        return cast("Events", self._call("GET", f"/api/v1/enrollments/{_quoted(enrollment_id)}/events/"))

    def remove_event(self, enrollment_id: str, event_id: str, *, why: str | None = None) -> Event:
        """Remove an activity event."""
        return cast(
            "Event", self._call("DELETE", f"/api/v1/enrollments/{_quoted(enrollment_id)}/events/{_quoted(event_id)}/", query={"why": why})
        )

    def set_event(self, enrollment_id: str, event_id: str, body: EventBodyRequest) -> Event:
        """Date an activity event."""
        return cast("Event", self._call("PUT", f"/api/v1/enrollments/{_quoted(enrollment_id)}/events/{_quoted(event_id)}/", body=body))

    def list_event_history(self, enrollment_id: str, event_id: str) -> History:
        """Who changed an activity event, when and why, newest first."""
        return cast("History", self._call("GET", f"/api/v1/enrollments/{_quoted(enrollment_id)}/events/{_quoted(event_id)}/history/"))

    def restore_event(self, enrollment_id: str, event_id: str, body: WhyBodyRequest) -> Event:
        """Let the protocol date an activity event again."""
        return cast(
            "Event", self._call("POST", f"/api/v1/enrollments/{_quoted(enrollment_id)}/events/{_quoted(event_id)}/restoration/", body=body)
        )

    def list_sessions(self, enrollment_id: str, *, cursor: str | None = None, from_: str, to: str) -> Sessions:
        """The sessions of an enrollment between two local dates, by pages."""
        return cast(
            "Sessions",
            self._call("GET", f"/api/v1/enrollments/{_quoted(enrollment_id)}/sessions/", query={"cursor": cursor, "from": from_, "to": to}),
        )

    def complete_session(self, enrollment_id: str, session_id: str, body: ReportRequest) -> Completion:
        """Report what was done about a session."""
        return cast(
            "Completion",
            self._call("POST", f"/api/v1/enrollments/{_quoted(enrollment_id)}/sessions/{_quoted(session_id)}/completion/", body=body),
        )

    def send_text(self, enrollment_id: str, body: TextBodyRequest, *, idempotency_key: str = "") -> Text:
        """Send a text to a participant."""
        return cast(
            "Text", self._call("POST", f"/api/v1/enrollments/{_quoted(enrollment_id)}/texts/", body=body, key=idempotency_key or _new_key())
        )

    def list_inbox(
        self,
        *,
        category: Literal["discussion", "course_dates", "account", "study", "other"] | None = None,
        course: str | None = None,
        cursor: str | None = None,
        search: str | None = None,
        show: Literal["here", "archived", "snoozed"] | None = None,
        unread: bool | None = None,
    ) -> InboxPage:
        """One page of the inbox, newest first."""
        return cast(
            "InboxPage",
            self._call(
                "GET",
                "/api/v1/inbox/",
                query={"category": category, "course": course, "cursor": cursor, "search": search, "show": show, "unread": unread},
            ),
        )

    def archive_through(self, body: ThroughRequest, *, idempotency_key: str = "") -> Marked:
        """Put everything that is read, up to an item, out of the list."""
        return cast("Marked", self._call("POST", "/api/v1/inbox/archivings/", body=body, key=idempotency_key or _new_key()))

    def list_inbox_changes(self, *, since: str | None = None) -> Changes:
        """What is new, read, unread, archived, back from a snooze or over since a cursor."""
        return cast("Changes", self._call("GET", "/api/v1/inbox/changes/", query={"since": since}))

    def count_inbox(self) -> Counts:
        """Unread and unseen items."""
        return cast("Counts", self._call("GET", "/api/v1/inbox/counts/"))

    def mark_read_through(self, body: ThroughRequest, *, idempotency_key: str = "") -> Marked:
        """Mark everything up to an item as read."""
        return cast("Marked", self._call("POST", "/api/v1/inbox/readings/", body=body, key=idempotency_key or _new_key()))

    def mark_all_seen(self, body: SeeingRequest) -> Counts:
        """Mark everything up to an item as seen: the badge goes, the items stay unread."""
        return cast("Counts", self._call("POST", "/api/v1/inbox/seeing/", body=body))

    def undo(self, body: UndoRequest, *, idempotency_key: str = "") -> Counts:
        """Take back what was marked or archived together."""
        return cast("Counts", self._call("POST", "/api/v1/inbox/undoings/", body=body, key=idempotency_key or _new_key()))

    def unarchive(self, item_id: str) -> None:
        """Bring an archived item back."""
        self._call("DELETE", f"/api/v1/inbox/{_quoted(item_id)}/archiving/")

    def archive(self, item_id: str) -> None:
        """Put an item out of the list; twice changes nothing."""
        self._call("POST", f"/api/v1/inbox/{_quoted(item_id)}/archiving/", body={})

    def explain_item(self, item_id: str) -> Explanation:
        """What became of a message over each channel, and why."""
        return cast("Explanation", self._call("GET", f"/api/v1/inbox/{_quoted(item_id)}/explanation/"))

    def mark_unread(self, item_id: str) -> None:
        """Mark an item as unread."""
        self._call("DELETE", f"/api/v1/inbox/{_quoted(item_id)}/reading/")

    def mark_read(self, item_id: str) -> None:
        """Mark an item as read; twice changes nothing."""
        self._call("POST", f"/api/v1/inbox/{_quoted(item_id)}/reading/", body={})

    def unsnooze(self, item_id: str) -> None:
        """Bring a hidden item back at once."""
        self._call("DELETE", f"/api/v1/inbox/{_quoted(item_id)}/snoozing/")

    def snooze(self, item_id: str, body: SnoozeRequest) -> None:
        """Hide an item until a time, from which on it is new again."""
        self._call("POST", f"/api/v1/inbox/{_quoted(item_id)}/snoozing/", body=body)

    def list_messages(self, *, cursor: str | None = None) -> Messages:
        """The messages that your service sent, newest first."""
        return cast("Messages", self._call("GET", "/api/v1/messages/", query={"cursor": cursor}))

    def send_message(self, body: NewMessageRequest, *, idempotency_key: str = "") -> Message:
        """Send a message."""
        return cast("Message", self._call("POST", "/api/v1/messages/", body=body, key=idempotency_key or _new_key()))

    def get_message(self, message_id: str) -> MessageStatus:
        """How far a message has come."""
        return cast("MessageStatus", self._call("GET", f"/api/v1/messages/{_quoted(message_id)}/"))

    def cancel_message(self, message_id: str) -> Cancellation:
        """Stop what has not been sent; twice changes nothing."""
        return cast("Cancellation", self._call("POST", f"/api/v1/messages/{_quoted(message_id)}/cancellation/", body={}))

    def explain_message(self, message_id: str, username: str) -> Recipient:
        """What became of a message for one recipient over each channel, and why."""
        return cast("Recipient", self._call("GET", f"/api/v1/messages/{_quoted(message_id)}/recipients/{_quoted(username)}/"))

    def unmute(self, *, key: str) -> None:
        """End a mute."""
        self._call("DELETE", "/api/v1/mutes/", query={"key": key})

    def list_mutes(self) -> Mutes:
        """What you muted, the latest first."""
        return cast("Mutes", self._call("GET", "/api/v1/mutes/"))

    def mute(self, body: NewMuteRequest, *, idempotency_key: str = "") -> Mute:
        """Mute a course, a study or a discussion thread; again changes nothing."""
        return cast("Mute", self._call("POST", "/api/v1/mutes/", body=body, key=idempotency_key or _new_key()))

    def list_preferences(self) -> Preferences:
        """Every switch, as it stands."""
        return cast("Preferences", self._call("GET", "/api/v1/preferences/"))

    def list_cadences(self) -> Cadences:
        """How often e-mail comes."""
        return cast("Cadences", self._call("GET", "/api/v1/preferences/cadences/"))

    def choose_cadence(self, scope: str, body: PatchedCadenceRequest) -> Cadence:
        """Choose how often e-mail comes, about a type or a whole category."""
        return cast("Cadence", self._call("PATCH", f"/api/v1/preferences/cadences/{_quoted(scope)}/", body=body))

    def list_channels(self) -> ChannelStates:
        """Every channel, its switch, and whether it reaches you."""
        return cast("ChannelStates", self._call("GET", "/api/v1/preferences/channels/"))

    def switch_channel(self, channel: str, body: PatchedChannelSwitchRequest) -> ChannelState:
        """Turn a whole channel off, or back to what was chosen below it."""
        return cast("ChannelState", self._call("PATCH", f"/api/v1/preferences/channels/{_quoted(channel)}/", body=body))

    def get_place(self) -> Place:
        """Your time zone and language."""
        return cast("Place", self._call("GET", "/api/v1/preferences/place/"))

    def change_place(self, body: PatchedPlaceRequest) -> Place:
        """Change your time zone or language."""
        return cast("Place", self._call("PATCH", "/api/v1/preferences/place/", body=body))

    def get_quiet(self) -> Quiet:
        """When you want quiet."""
        return cast("Quiet", self._call("GET", "/api/v1/preferences/quiet/"))

    def change_quiet(self, body: PatchedQuietRequest) -> Quiet:
        """Pause, or narrow the hours and days at which you are reached."""
        return cast("Quiet", self._call("PATCH", "/api/v1/preferences/quiet/", body=body))

    def get_summaries(self) -> Summaries:
        """When your daily and weekly summaries come."""
        return cast("Summaries", self._call("GET", "/api/v1/preferences/summaries/"))

    def change_summaries(self, body: PatchedSummariesRequest) -> Summaries:
        """Choose when your daily and weekly summaries come."""
        return cast("Summaries", self._call("PATCH", "/api/v1/preferences/summaries/", body=body))

    def choose_preference(self, channel: str, scope: str, body: PatchedChoiceRequest) -> Cell:
        """Turn a channel on or off, for a type or a whole category."""
        return cast("Cell", self._call("PATCH", f"/api/v1/preferences/{_quoted(scope)}/{_quoted(channel)}/", body=body))

    def make_settings_code(self, *, idempotency_key: str = "") -> SettingsCode:
        """A code that opens the settings page in a web view of this app."""
        return cast("SettingsCode", self._call("POST", "/api/v1/settings-codes/", body={}, key=idempotency_key or _new_key()))

    def ask_for_sign_in_code(self, body: PhoneRequest) -> None:
        """Have a code texted to the phone of an account."""
        self._call("POST", "/api/v1/sign-in-codes/", body=body)

    def sign_out_other_apps(self) -> None:
        """Sign all your apps out but this one."""
        self._call("DELETE", "/api/v1/signed-in-apps/")

    def list_signed_in_apps(self) -> SignedInApps:
        """The apps in which you are signed in."""
        return cast("SignedInApps", self._call("GET", "/api/v1/signed-in-apps/"))

    def sign_in(self, body: SignInRequest) -> Tokens:
        """Sign in by a password or by a code, and get the first tokens."""
        return cast("Tokens", self._call("POST", "/api/v1/signed-in-apps/", body=body))

    def renew_tokens(self, body: RenewalRequest) -> Tokens:
        """Get the next tokens for a refresh token."""
        return cast("Tokens", self._call("POST", "/api/v1/signed-in-apps/renewals/", body=body))

    def sign_out_app(self, app_id: str) -> None:
        """Sign an app out: this one by the id `current`, or any other of yours."""
        self._call("DELETE", f"/api/v1/signed-in-apps/{_quoted(app_id)}/")

    def sign_out_other_browsers(self) -> None:
        """Sign all your browsers out but this one."""
        self._call("DELETE", "/api/v1/signed-in-browsers/")

    def list_signed_in_browsers(self) -> SignedInBrowsers:
        """The browsers in which you are signed in."""
        return cast("SignedInBrowsers", self._call("GET", "/api/v1/signed-in-browsers/"))

    def sign_out_browser(self, browser_id: str) -> None:
        """Sign one of your browsers out."""
        self._call("DELETE", f"/api/v1/signed-in-browsers/{_quoted(browser_id)}/")

    def list_adherence(self, study_id: str, *, cursor: str | None = None) -> StudyAdherence:
        """The adherence of a study's participants by burst, by pages."""
        return cast("StudyAdherence", self._call("GET", f"/api/v1/studies/{_quoted(study_id)}/adherence/", query={"cursor": cursor}))

    def list_nudges(self, study_id: str, *, cursor: str | None = None) -> NudgeRecords:
        """Each draw of a nudge with its chance and outcome, by pages, for analysis."""
        return cast("NudgeRecords", self._call("GET", f"/api/v1/studies/{_quoted(study_id)}/nudges/", query={"cursor": cursor}))

    def list_participants(
        self, study_id: str, *, cursor: str | None = None, state: Literal["active", "paused", "withdrawn"] | None = None
    ) -> Participants:
        """The participants of a study, by pages, in the order in which they enrolled."""
        return cast(
            "Participants",
            self._call("GET", f"/api/v1/studies/{_quoted(study_id)}/participants/", query={"cursor": cursor, "state": state}),
        )

    def enroll_participants(self, study_id: str, body: NewcomersRequest, *, idempotency_key: str = "") -> AllEnrolled:
        """Enroll participants."""
        return cast(
            "AllEnrolled",
            self._call("POST", f"/api/v1/studies/{_quoted(study_id)}/participants/", body=body, key=idempotency_key or _new_key()),
        )

    def get_protocol(self, study_id: str) -> dict[str, Any]:
        """The published design of a study: its protocol document."""
        return cast("dict[str, Any]", self._call("GET", f"/api/v1/studies/{_quoted(study_id)}/protocol/"))

    def list_webhooks(self) -> Webhooks:
        """Where your service is told of its messages."""
        return cast("Webhooks", self._call("GET", "/api/v1/webhooks/"))

    def make_webhook(self, body: NewWebhookRequest, *, idempotency_key: str = "") -> NewlyMade:
        """Be told of your messages at an address."""
        return cast("NewlyMade", self._call("POST", "/api/v1/webhooks/", body=body, key=idempotency_key or _new_key()))

    def end_webhook(self, webhook_id: str) -> None:
        """Be told no more."""
        self._call("DELETE", f"/api/v1/webhooks/{_quoted(webhook_id)}/")

    def get_webhook(self, webhook_id: str) -> Webhook:
        """One webhook."""
        return cast("Webhook", self._call("GET", f"/api/v1/webhooks/{_quoted(webhook_id)}/"))

    def list_webhook_posts(
        self, webhook_id: str, *, cursor: str | None = None, state: Literal["waiting", "taken", "given_up"] | None = None
    ) -> Posts:
        """What was posted to a webhook, the latest first; kept for 30 days."""
        return cast("Posts", self._call("GET", f"/api/v1/webhooks/{_quoted(webhook_id)}/posts/", query={"cursor": cursor, "state": state}))

    def replay_webhook_post(self, post_id: str, webhook_id: str) -> Post:
        """Post an event again, under the same id."""
        return cast("Post", self._call("POST", f"/api/v1/webhooks/{_quoted(webhook_id)}/posts/{_quoted(post_id)}/replay/", body={}))

    def replace_webhook_secret(self, webhook_id: str, *, idempotency_key: str = "") -> Secret:
        """Replace the secret; for a day both sign."""
        return cast(
            "Secret", self._call("POST", f"/api/v1/webhooks/{_quoted(webhook_id)}/secrets/", body={}, key=idempotency_key or _new_key())
        )
