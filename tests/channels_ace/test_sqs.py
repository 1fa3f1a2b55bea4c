from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from channels_ace import sqs, tasks
from channels_ace.api import Attempt, Delivery, Suppression, deliver_all
from channels_ace.models import InboundText, ProviderEvent
from tests.channels_ace.saying import make_people, say
from tests.factories import NOW
from tests.fakes import Doubles, receipts, sns_topic

pytestmark = pytest.mark.django_db
FOREIGN = sns_topic.notification(receipts.inbound("+12065550123", "STOP"), topic="arn:aws:sns:us-east-1:999999999999:other")


def delivered(attempt: Attempt) -> dict[str, object]:
    return receipts.event("TEXT_DELIVERED", str(attempt.token), "m-1")


def sent_text() -> Attempt:
    say(make_people(1))
    deliver_all(NOW)
    return Attempt.objects.get()


@pytest.mark.parametrize("wrapped", [True, False], ids=["wrapped by SNS", "raw"])
def test_receipts_are_taken_off_the_queue_once_they_are_applied(doubles: Doubles, wrapped: bool) -> None:
    event = delivered(sent_text())
    doubles.account.put(sns_topic.notification(event) if wrapped else event)

    assert sqs.drain(NOW) == 1

    assert Delivery.objects.get().state == Delivery.State.DELIVERED
    assert doubles.account.waiting() == 0


@pytest.mark.parametrize("deal", ["in_order", "reversed", "twice"])
def test_however_the_queue_deals_them_the_end_is_the_same(doubles: Doubles, deal: str) -> None:
    doubles.receipts.script(to_queue=True, deal=deal)
    sent_text()
    doubles.receipts.wait_until_told()

    sqs.drain(NOW)

    assert Delivery.objects.get().state == Delivery.State.DELIVERED
    assert doubles.account.waiting() == 0


def test_a_receipt_that_was_lost_leaves_the_text_accepted(doubles: Doubles) -> None:
    doubles.receipts.script(to_queue=True, deal="lost")
    sent_text()
    doubles.receipts.wait_until_told()

    assert sqs.drain(NOW) == 0
    assert Delivery.objects.get().state == Delivery.State.ACCEPTED


def test_more_than_one_answer_of_the_queue_is_read(doubles: Doubles) -> None:
    for number in range(23):
        doubles.account.put(receipts.inbound(f"+1206555{number:04d}", "stop"))

    assert sqs.drain(NOW) == 23
    assert Suppression.objects.count() == 23


def test_an_answer_was_sent_when_sns_says_so(doubles: Doubles) -> None:
    sent_at = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
    doubles.account.put(sns_topic.notification(receipts.inbound("+12065550123", "STOP"), at=sent_at))

    sqs.drain(NOW)

    assert InboundText.objects.get().sent_at == sent_at


def test_what_breaks_on_the_way_stays_in_the_queue(
    doubles: Doubles, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    doubles.account.put(receipts.inbound("+12065550123", "STOP, says Ada"))
    # No key to encrypt the text with: the kind of thing that is mended an hour later.
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr("django.conf.settings.FIELD_KEYS", [])
        assert sqs.drain(NOW) == 0
    assert (doubles.account.waiting(), InboundText.objects.count()) == (1, 0)
    assert "Ada" not in caplog.text

    doubles.account.give_back()
    assert sqs.drain(NOW) == 1
    assert InboundText.objects.count() == 1


@pytest.mark.parametrize(
    "body",
    ["", "not JSON", "[]", "{}", FOREIGN],
)
def test_what_nobody_understands_is_logged_and_gone(doubles: Doubles, body: object, caplog: pytest.LogCaptureFixture) -> None:
    doubles.account.put(body)

    assert sqs.drain(NOW) == 1
    assert "none that we know" in caplog.text
    assert not ProviderEvent.objects.exists()
    assert not InboundText.objects.exists()


def test_the_task_reads_the_queue_where_there_is_one(doubles: Doubles, settings: Settings) -> None:
    doubles.account.put(receipts.inbound("+12065550123", "STOP"))
    tasks.poll_receipts()
    assert doubles.account.waiting() == 0

    settings.CHANNELS_ACE_PROVIDERS["AWS"]["receipts_queue_url"] = ""
    before = doubles.requests
    tasks.poll_receipts()
    assert doubles.requests == before


def test_the_command_empties_the_queue(doubles: Doubles, settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    doubles.account.put(receipts.inbound("+12065550123", "STOP"))
    call_command("consume_sqs", "--once")
    assert capsys.readouterr().out == "1 messages taken in\n"

    settings.CHANNELS_ACE_PROVIDERS["AWS"]["receipts_queue_url"] = ""
    with pytest.raises(CommandError, match="SQS_RECEIPTS_QUEUE_URL"):
        call_command("consume_sqs", "--once")
