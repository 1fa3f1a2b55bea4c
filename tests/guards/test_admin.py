from datetime import UTC, date, datetime
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import (
    AuthenticatorApp,
    DataCopy,
    KnownBrowser,
    PhoneCode,
    ProviderIdentity,
    RateCount,
    RecoveryCode,
    ServiceToken,
    SignedInApp,
    SignedInBrowser,
    Try,
    User,
)
from channels_ace.api import Attempt, ContactPoint, Delivery, Message, Suppression
from channels_ace.inbound import receive_text
from channels_ace.models import (
    ConsentRecord,
    FanOut,
    FanOutChunk,
    InboundText,
    OriginatorPace,
    ProviderEvent,
    ProviderHealth,
    SilentPush,
    Switch,
    SwitchesSeen,
)
from notifications.api import CourseMembership, EmailCadence, InboxItem, Mute, PlatformUser, Preference, Rest
from notifications.models import (
    Brand,
    BrandMember,
    BrandText,
    BrandTextVersion,
    Broadcast,
    CalendarLink,
    CourseDate,
    DateChoice,
    DateReminder,
    InboxState,
    IngestedEvent,
    KeptAnswer,
    ServiceMessage,
    Submission,
    TypeOverride,
    Webhook,
    WebhookPost,
)
from scheduling.models import ActivityEvent, Completion, DrawnTime, Nudge, NudgeDecision, Place, PlannerRow, RunLedger, Told
from studies.api import AuditEntry, Enrollment, ProtocolVersion, Study, StudyRole
from studies.models import DataGroup, ProfileAttribute
from tests.factories import make_user

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = date(2026, 3, 2)
OURS = ("carillon_channels", "carillon_notifications", "studies", "scheduling", "accounts")
_numbers = count(1)


@pytest.fixture
def client(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("operator", "operator@example.org", "a long password"))
    return client


def grow(rows: int) -> None:
    """This function will add that many rows to every table, each pointing at rows of its own."""
    for _ in range(rows):
        add_one()


def add_one() -> None:
    number = next(_numbers)
    person = make_user(phone=f"+1206555{number:04d}")
    Group.objects.create(name=f"group {number}")
    study = Study.objects.create(name=f"Study {number}", participant_name="Moments", created_at=NOW)
    version = ProtocolVersion.objects.create(study=study, number=1, document={}, imported_at=NOW)
    enrollment = Enrollment.objects.create(
        study=study, version=version, user=person, code=f"P{number}", enrolled_at=NOW, enrolled_date=DAY, time_zone="UTC"
    )
    DataGroup.objects.create(enrollment=enrollment, name="arm_a")
    ProfileAttribute.objects.create(enrollment=enrollment, name="age", value="40", number=40)
    StudyRole.objects.create(study=study, user=person, role=StudyRole.Role.OWNER)
    AuditEntry.objects.create(study=study, enrollment=enrollment, actor=person, at=NOW, what="enrolled")
    message = Message.objects.create(type="other.announcement", context={"title": "Hi"}, idempotency_key=f"key {number}", created_at=NOW)
    FanOutChunk.objects.create(message=message, number=1, first_user_id=1, last_user_id=2, done_at=NOW)
    FanOut.objects.create(message=message, user_ids="1,2", people=2, begun_at=NOW)
    point = ContactPoint.objects.get(user=person)
    Suppression.objects.create(channel="sms", index=point.index, reason=Suppression.Reason.STOP, since=NOW)
    InboundText.objects.create(
        provider="eum",
        event_id=f"e{number}",
        index=point.index,
        hint=point.hint,
        text="Stop it",
        intent="stop",
        sent_at=NOW,
        received_at=NOW,
    )
    ProviderHealth.objects.create(provider=f"p{number}", recent="-----", opened_at=NOW, probe_at=NOW)
    OriginatorPace.objects.create(provider="eum", originator=f"+1206555{number:04d}", free_at=NOW)
    Switch.objects.create(kind="scope", name=f"study:{study.pk}", why="Wrong words", who=person, since=NOW)
    SilentPush.objects.create(user=person, state="told", reason="accepted", due_at=NOW, changed_at=NOW)
    ConsentRecord.objects.create(channel="sms", index=point.index, decision="stopped", source="text", at=NOW)
    delivery = Delivery.objects.create(
        message=message,
        user=person,
        channel="sms",
        contact_point_id=point.pk,
        lane="bulk",
        state=Delivery.State.SUPPRESSED,
        reason="suppressed_stop",
        due_at=NOW,
        created_at=NOW,
        changed_at=NOW,
    )
    token = uuid4()
    Attempt.objects.create(token=token, delivery=delivery, fence=1, provider="aws", started_at=NOW, outcome="refused")
    ProviderEvent.objects.create(provider="aws", event_id=f"e{number}", token=token, kind="TEXT_BLOCKED", occurred_at=NOW, received_at=NOW)
    InboxItem.objects.create(user=person, message=message, category="other")
    Broadcast.objects.create(message=message, through_user_id=person.pk)
    InboxState.objects.create(user=person)
    ProviderIdentity.objects.create(user=person, issuer="https://login.example.edu", subject=f"{number}", linked_at=NOW)
    SignedInApp.objects.create(user=person, name="phone", created_at=NOW, renewed_at=NOW)
    ServiceToken.objects.create(name="lms", token_hash=f"{number}", hint="9f3c", made_by=person, made_at=NOW)
    ServiceMessage.objects.create(service="lms", type="other.announcement", audience={"everyone": True}, asked_at=NOW, message=message)
    webhook = Webhook.objects.create(service="lms", url="https://hooks.example.org/", secret="whsec_", made_at=NOW)
    WebhookPost.objects.create(webhook=webhook, event_id="e", event="message.planned", payload={}, happened_at=NOW, next_at=NOW)
    KeptAnswer.objects.create(caller=f"service:{number}", key="k", fingerprint="f", taken_at=NOW)
    Preference.objects.create(user=person, scope="discussion", channel="email", is_on=False, changed_at=NOW)
    EmailCadence.objects.create(user=person, scope="discussion", cadence="daily", changed_at=NOW)
    Rest.objects.create(user=person)
    TypeOverride.objects.create(scope=f"tests.{number}", channel="email", is_on=True, changed_by=person, changed_at=NOW)
    Mute.objects.create(user=person, key="study:1", muted_at=NOW)
    CourseMembership.objects.create(user=person, course_key="course-v1:A+B+C")
    due = CourseDate.objects.create(user=person, course_key="course-v1:A+B+C", external_id="lab", on=DAY, changed_at=NOW)
    DateReminder.objects.create(date=due, sequence=0, lead=24, said_at=NOW, message=message)
    Submission.objects.create(user=person, course_key="course-v1:A+B+C", external_id="lab", submitted_at=NOW)
    DateChoice.objects.create(user=person)
    CalendarLink.objects.create(user=person, token_hash=f"{number}", created_at=NOW)
    PlatformUser.objects.create(user=person, platform_id=number)
    brand = Brand.objects.create(name=f"School {number}", orgs=[f"X{number}"])
    BrandMember.objects.create(user=person, brand=brand)
    BrandText.objects.create(brand=brand, type="discussion.new_response", file="text.txt", language="en", text="Hello")
    BrandTextVersion.objects.create(brand=brand, type="discussion.new_response", file="text.txt", language="en", written_at=NOW)
    IngestedEvent.objects.create(event_id=f"e{number}", fingerprint="f", received_at=NOW, outcome="notified", message=message)
    ActivityEvent.objects.create(enrollment=enrollment, event_id="custom:start", date=DAY, at=NOW, actor=person)
    PlannerRow.objects.create(enrollment=enrollment, version=version, time_zone="UTC", burst=1, burst_start=DAY)
    Completion.objects.create(enrollment=enrollment, session_id="tap:1:01:0", burst=1, day=1, recorded_at=NOW)
    RunLedger.objects.create(version=version, rule="missed", time_zone="UTC", local_date=DAY, ran_at=NOW)
    Place.objects.create(version=version, time_zone="UTC")
    decision = {"rule": "missed", "local_date": DAY, "burst": 1, "decision": "none", "reason": "on_track", "decided_at": NOW}
    NudgeDecision.objects.create(enrollment=enrollment, **decision)
    Told.objects.create(enrollment=enrollment, what="burst:custom:activityBurst1Start", told_at=NOW, message=message)
    Nudge.objects.create(
        enrollment=enrollment, burst=1, slot="missed", kind="early", variant="a", local_date=DAY, nudged_at=NOW, message=message
    )


def list_page(model: type[Any]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def queries_by_model(client: Client) -> dict[str, int]:
    found = {}
    for model in admin.site._registry:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(list_page(model)).status_code == 200
        found[model.__name__] = len(captured)
    return found


def test_every_model_of_ours_is_in_the_admin() -> None:
    ours = {model for label in OURS for model in apps.get_app_config(label).get_models()}

    # Django's admin takes no composite key: inbox items have a page of their own. In tries,
    # codes, secrets of apps, copies of data, counts of calls and browsers there is nothing to read.
    # A drawn time stands on the participant's own page, with its session.
    unread = {
        AuthenticatorApp,
        DataCopy,
        DrawnTime,
        InboxItem,
        KnownBrowser,
        PhoneCode,
        RateCount,
        RecoveryCode,
        SignedInBrowser,
        SwitchesSeen,
        Try,
    }
    assert ours - set(admin.site._registry) == unread


def test_every_list_can_be_searched_and_filtered() -> None:
    bare = [model.__name__ for model, page in admin.site._registry.items() if not page.search_fields]
    unfiltered = [
        model.__name__
        for model, page in admin.site._registry.items()
        if model._meta.app_label in OURS and not page.list_filter and model is not FanOutChunk
    ]

    assert bare == []
    assert unfiltered == []


def test_no_list_takes_a_query_per_row(client: Client) -> None:
    grow(3)
    queries_by_model(client)
    few = queries_by_model(client)
    grow(47)
    many = queries_by_model(client)

    assert min(model._default_manager.count() for model in admin.site._registry) >= 50
    assert many == few


def test_every_page_opens_and_every_search_runs(client: Client) -> None:
    grow(1)
    for model in admin.site._registry:
        first = model._default_manager.order_by("pk").values_list("pk", flat=True)[0]
        change = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[first])
        assert client.get(change).status_code == 200, model
        assert client.get(list_page(model), {"q": "+1 206 555 0100 or so"}).status_code == 200, model


def test_history_cannot_be_changed(client: Client) -> None:
    history = (Delivery, Attempt, Message, ProviderEvent, InboundText, ConsentRecord, IngestedEvent, AuditEntry, NudgeDecision, RunLedger)
    grow(1)
    for model in history:
        page = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        key = model._default_manager.values_list("pk", flat=True)[0]
        assert client.get(reverse(f"{page}_add")).status_code == 403, model
        assert client.post(reverse(f"{page}_change", args=[key]), {}).status_code == 403, model
        assert client.post(reverse(f"{page}_delete", args=[key]), {"post": "yes"}).status_code == 403, model


def test_an_address_is_found_but_never_shown(client: Client) -> None:
    make_user("ada", phone="+12065550177")
    make_user("bob", phone="+12065550188")
    point = ContactPoint.objects.get(user__username="ada")
    change = reverse("admin:carillon_channels_contactpoint_change", args=[point.pk])

    found = client.get(list_page(ContactPoint), {"q": "+1 (206) 555-0177"}).content.decode()

    assert ">ada<" in found
    assert ">bob<" not in found
    for page in (client.get(list_page(ContactPoint)).content.decode(), client.get(change).content.decode()):
        assert "2065550177" not in page
        assert "…0177" in page


def test_deliveries_are_found_by_the_address_they_went_to(client: Client) -> None:
    grow(2)
    person = User.objects.order_by("pk").last()
    assert person is not None
    point = ContactPoint.objects.get(user=person)

    found = client.get(list_page(Delivery), {"q": point.address}).content.decode()

    assert found.count('class="field-reason_in_words"') == 1
    assert f"{person.pk} …{point.address[-4:]}" in found
    assert point.address not in found.replace(f'value="{point.address}"', "")


def test_a_delivery_tells_its_whole_story(client: Client) -> None:
    grow(1)
    delivery = Delivery.objects.get()

    page = client.get(reverse("admin:carillon_channels_delivery_change", args=[delivery.pk])).content.decode()

    assert delivery.message.public_id in page
    assert "The number replied STOP." in page
    assert "refused" in page
    assert "TEXT_BLOCKED" in page


def test_an_operator_blocks_an_address_and_only_that_is_lifted(client: Client) -> None:
    grow(1)
    add = reverse("admin:carillon_channels_suppression_add")
    client.post(add, {"channel": "sms", "address": "+12065559999", "scope": ""})
    blocked = Suppression.objects.get(reason=Suppression.Reason.OPERATOR)
    everything = [str(key) for key in Suppression.objects.values_list("pk", flat=True)]

    client.post(list_page(Suppression), {"action": "lift", "_selected_action": everything})

    blocked.refresh_from_db()
    assert blocked.lifted_at is not None
    assert Suppression.objects.get(reason=Suppression.Reason.STOP).lifted_at is None


def test_an_operator_reads_an_unclear_text_and_settles_it(client: Client) -> None:
    person = make_user("ada", phone="+12065550177")
    received = [receive_text("eum", words, "+12065550177", "+12065550100", words, NOW) for words in ("wrong number", "thanks")]
    change = reverse("admin:carillon_channels_inboundtext_change", args=[received[0].pk])

    found = client.get(list_page(InboundText), {"q": person.username}).content.decode()
    page = client.get(change).content.decode()
    everything = {"action": "read_as_go_on", "_selected_action": [str(one.pk) for one in received]}
    client.post(list_page(InboundText), everything)

    assert "wrong number" not in found
    assert "…0177" in found
    assert "wrong number" in page
    assert "2065550177" not in found + page
    assert list(InboundText.objects.exclude(read_at=None)) == [received[0]]
    assert Suppression.objects.get(reason=Suppression.Reason.UNSURE).lifted_at is not None


def test_an_operator_who_reads_a_stop_in_it_stops_texts(client: Client) -> None:
    received = receive_text("eum", "e", "+12065550177", "+12065550100", "wrong number", NOW)

    client.post(list_page(InboundText), {"action": "read_as_stop", "_selected_action": [str(received.pk)]})

    assert Suppression.objects.filter(lifted_at=None, reason=Suppression.Reason.STOP).exists()


def test_who_may_only_look_settles_nothing(db: None) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_inboundtext"))
    client = Client()
    client.force_login(clerk)
    received = receive_text("eum", "e", "+12065550177", "+12065550100", "wrong number", NOW)

    client.post(list_page(InboundText), {"action": "read_as_go_on", "_selected_action": [str(received.pk)]})

    assert Suppression.objects.get().lifted_at is None


def test_inbox_items_have_a_page_of_their_own(client: Client) -> None:
    grow(101)
    last = InboxItem.objects.order_by("-user_id").select_related("user")[0]

    index = client.get(reverse("admin:index")).content.decode()
    first_page = client.get("/admin/inbox-items/").content.decode()
    hundredth = InboxItem.objects.order_by("-user_id")[99]
    second_page = client.get("/admin/inbox-items/", {"before": f"{hundredth.user_id}.{hundredth.message_id}"}).content.decode()
    one = client.get("/admin/inbox-items/", {"user": last.user.username}).content.decode()

    assert "/admin/inbox-items/" in index
    assert client.post("/admin/inbox-items/").status_code == 405
    assert first_page.count("other.announcement") == 100
    assert "Next page" in first_page
    assert second_page.count("other.announcement") == 1
    assert one.count("other.announcement") == 1


@pytest.mark.parametrize("query", [{"before": "x"}, {"before": "1.٢"}, {"before": "9" * 40 + ".1"}])
def test_a_strange_query_of_the_inbox_page_shows_a_page(client: Client, query: dict[str, str]) -> None:
    assert client.get("/admin/inbox-items/", query).status_code == 200


def test_the_inbox_page_takes_as_many_queries_for_fifty_items_as_for_three(client: Client) -> None:
    grow(3)
    client.get("/admin/inbox-items/")
    with CaptureQueriesContext(connection) as few:
        client.get("/admin/inbox-items/")
    grow(47)
    with CaptureQueriesContext(connection) as many:
        client.get("/admin/inbox-items/")

    assert len(many) == len(few)


def test_staff_need_the_permission_to_see_inbox_items(db: None) -> None:
    client = Client()
    client.force_login(User.objects.create_user("clerk", is_staff=True))

    assert client.get("/admin/inbox-items/").status_code == 403
