from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from anymail.signals import AnymailTrackingEvent, tracking
from django.apps import apps
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings
from pytest_django.live_server_helper import LiveServer

from channels_ace import sns
from channels_ace.api import Attempt, Delivery, Suppression, deliver_all
from channels_ace.models import ConsentRecord, InboundText, ProviderEvent
from channels_ace.receipts import apply_parked
from tests.channels_ace.forgeries import FORGED, body_of, genuine
from tests.channels_ace.saying import NEWS, make_people, say
from tests.factories import NOW, make_user
from tests.fakes import Doubles, receipts, sns_topic
from tests.fakes.answer import Answer

pytestmark = pytest.mark.django_db
State = Delivery.State


@pytest.fixture(autouse=True)
def known_certificate(doubles: Doubles) -> Iterator[None]:
    sns._certificate.cache_clear()
    sns.verify(body_of(genuine()), timezone.now())
    yield
    sns._certificate.cache_clear()


def post(envelope: dict[str, str]) -> int:
    return Client(enforce_csrf_checks=True).post("/webhooks/sns/", body_of(envelope), content_type="text/plain; charset=UTF-8").status_code


def rows() -> int:
    return sum(model._base_manager.count() for model in apps.get_app_config("carillon_channels").get_models())


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_message_is_refused_without_a_row_or_a_request(
    doubles: Doubles, name: str, caplog: pytest.LogCaptureFixture, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    envelope, requests = FORGED[name](), doubles.requests

    with django_assert_num_queries(0):
        status = post(envelope)

    assert (status, rows(), doubles.requests - requests) == (403, 0, 0)
    assert "+1206555" not in caplog.text
    assert "STOP" not in caplog.text


def test_the_genuine_message_behind_the_forged_ones_is_believed() -> None:
    assert len(FORGED) >= 25
    assert post(genuine()) == 200
    assert Suppression.objects.get().reason == Suppression.Reason.STOP


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b"\xff", b"[" * 50_000])
def test_what_is_no_message_is_refused(body: bytes) -> None:
    assert Client().post("/webhooks/sns/", body, content_type="text/plain").status_code == 403


def test_the_webhook_only_takes_posts() -> None:
    assert Client().get("/webhooks/sns/").status_code == 405


def test_the_same_message_again_changes_nothing() -> None:
    envelope = genuine()

    answers = [post(envelope) for _ in range(3)]

    assert answers == [200, 200, 200]
    assert (InboundText.objects.count(), ConsentRecord.objects.count(), Suppression.objects.count()) == (1, 1, 1)


def test_an_unreachable_certificate_makes_sns_try_again(doubles: Doubles) -> None:
    sns._certificate.cache_clear()
    doubles.serve_certificate(Answer(503, ""))

    assert (post(genuine()), rows()) == (503, 0)


def test_a_topic_waits_for_an_operator_and_its_link_is_never_followed(doubles: Doubles) -> None:
    envelope, requests = sns_topic.subscription_confirmation(), doubles.requests

    assert [post(envelope), post(envelope)] == [200, 200]

    waiting = ProviderEvent.objects.get()
    assert (waiting.kind, waiting.applied_at, doubles.requests) == ("subscription_confirmation", None, requests)


def test_an_operator_confirms_a_topic_by_its_name(doubles: Doubles, capsys: pytest.CaptureFixture[str]) -> None:
    post(sns_topic.subscription_confirmation())

    call_command("confirm_sns_topic")
    call_command("confirm_sns_topic", sns_topic.TOPIC)
    call_command("confirm_sns_topic")

    assert capsys.readouterr().out.count(sns_topic.TOPIC) == 2
    [asked] = doubles.account.confirmed
    assert (asked["TopicArn"], asked["Token"], asked["AuthenticateOnUnsubscribe"]) == (sns_topic.TOPIC, "a-token-of-the-double", "true")
    assert ProviderEvent.objects.get().applied_at is not None


def test_a_topic_that_does_not_wait_or_is_not_ours_cannot_be_confirmed(doubles: Doubles, settings: Settings) -> None:
    with pytest.raises(CommandError):
        call_command("confirm_sns_topic", sns_topic.TOPIC)
    post(sns_topic.subscription_confirmation())
    settings.CHANNELS_ACE_PROVIDERS["AWS"]["sns_topics"] = []
    with pytest.raises(CommandError):
        call_command("confirm_sns_topic", sns_topic.TOPIC)
    assert doubles.account.confirmed == []


@pytest.mark.parametrize(
    "message", ["Successfully validated SNS topic for Amazon SES event publishing.", "[]", '{"eventType": "TEXT_SENT"}']
)
def test_what_nobody_understands_is_kept_for_an_operator(message: str) -> None:
    assert post(sns_topic.notification(message)) == 200

    assert ProviderEvent.objects.get().kind == "not_understood"
    assert apply_parked(NOW) == 0


def sent_text(doubles: Doubles) -> Attempt:
    say(make_people(1))
    deliver_all(NOW)
    return Attempt.objects.select_related("delivery").get()


@pytest.mark.parametrize(
    ("told", "state"),
    [
        (["TEXT_DELIVERED"], State.DELIVERED),
        (["TEXT_QUEUED", "TEXT_PENDING"], State.ACCEPTED),
        (["TEXT_UNKNOWN"], State.ACCEPTED),
        (["TEXT_CARRIER_BLOCKED"], State.UNDELIVERABLE),
        (["TEXT_DELIVERED", "TEXT_CARRIER_BLOCKED", "TEXT_PENDING"], State.DELIVERED),
        (["TEXT_CARRIER_BLOCKED", "TEXT_DELIVERED"], State.DELIVERED),
    ],
)
def test_delivery_events_move_the_attempt_they_name(doubles: Doubles, told: list[str], state: str) -> None:
    attempt = sent_text(doubles)

    for name in told:
        assert post(sns_topic.notification(receipts.event(name, str(attempt.token), attempt.provider_message_id))) == 200

    assert Delivery.objects.get().state == state
    assert "+1206555" not in str(list(ProviderEvent.objects.values_list("payload", flat=True)))


def test_an_event_that_comes_by_two_roads_counts_once(doubles: Doubles) -> None:
    attempt = sent_text(doubles)
    event = receipts.event("TEXT_DELIVERED", str(attempt.token), "m")

    assert [post(sns_topic.notification(event)), post(sns_topic.notification(event))] == [200, 200]

    assert ProviderEvent.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("deal", ["in_order", "reversed", "twice", "early", "held"])
def test_a_text_whose_answer_was_lost_is_proved_by_its_receipts(doubles: Doubles, live_server: LiveServer, deal: str) -> None:
    doubles.receipts.script(webhook=f"{live_server.url}/webhooks/sns/", deal=deal)
    say(make_people(1))
    deliver_all(NOW)
    doubles.receipts.wait_until_told()
    doubles.receipts.flush()
    apply_parked(NOW)

    assert doubles.receipts.refused == []
    assert Delivery.objects.get().state == State.DELIVERED


def track(kind: str, **more: Any) -> None:
    event = AnymailTrackingEvent(event_type=kind, timestamp=NOW, event_id=more.pop("event_id", uuid4().hex), **more)
    tracking.send(sender=None, event=event, esp_name="Postmark")


def sent_mail(doubles: Doubles) -> Attempt:
    say([make_user(email="ada@example.org")], NEWS, channels=["email"])
    deliver_all(NOW)
    return Attempt.objects.select_related("delivery").get()


@pytest.mark.parametrize(
    ("kind", "why", "state", "suppressed"),
    [
        ("delivered", None, State.DELIVERED, []),
        ("deferred", None, State.ACCEPTED, []),
        ("opened", None, State.ACCEPTED, []),
        ("bounced", "bounced", State.UNDELIVERABLE, ["bounce"]),
        ("bounced", "other", State.UNDELIVERABLE, []),
        ("rejected", "invalid", State.UNDELIVERABLE, ["bounce"]),
        ("failed", None, State.UNDELIVERABLE, []),
        ("complained", None, State.DELIVERED, ["complaint"]),
    ],
)
def test_what_an_e_mail_service_tells_moves_the_attempt(
    doubles: Doubles, kind: str, why: str | None, state: str, suppressed: list[str]
) -> None:
    attempt = sent_mail(doubles)

    track(kind, reject_reason=why, metadata={"attempt": str(attempt.token)}, recipient="ada@example.org")

    assert Delivery.objects.get().state == state
    assert list(Suppression.objects.values_list("reason", flat=True)) == suppressed


def test_a_message_id_that_was_left_as_we_wrote_it_is_enough(doubles: Doubles) -> None:
    attempt = sent_mail(doubles)

    track("delivered", message_id=f"<{attempt.token}@carillon.example>")

    assert Delivery.objects.get().state == State.DELIVERED


def test_a_complaint_about_a_forgotten_message_still_counts_for_people_of_ours() -> None:
    make_user(email="ada@example.org")

    track("complained", recipient="ada@Example.org")
    track("complained", recipient="stranger@example.org")
    track("bounced", recipient="no address", reject_reason="bounced")

    assert list(Suppression.objects.values_list("channel", "reason")) == [("email", "complaint")]


def test_the_same_news_of_a_service_again_is_no_news(doubles: Doubles) -> None:
    attempt = sent_mail(doubles)

    for _ in range(2):
        track("delivered", event_id="one", metadata={"attempt": str(attempt.token)})

    assert ProviderEvent.objects.count() == 1
