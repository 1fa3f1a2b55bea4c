"""A step of a hand-over: the last answers are recorded and the next attempts committed, together. Read next: record.py."""

import json
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models import DateTimeField, UUIDField, Value
from django.db.models.expressions import Combinable

from channels_ace.channel import Outcome, Receipt
from channels_ace.contact_points import DEVICES, settled
from channels_ace.insert import insert_from
from channels_ace.models import Attempt, Delivery
from channels_ace.prepare import Sending
from channels_ace.record import answer_columns, ours, record

logger = logging.getLogger(__name__)

Answer = tuple[Sending, Receipt]

# What record() and _begin() say, for any number of both, in one round trip: half of what a text takes is waiting for the database.
# Rows are found by their keys, given as arrays too: a state is compared as an expression, since the index of what is open looked smaller
# to the planner, which then read every delivery under way for each text. A device that was removed or has moved to somebody else since
# it was decided, or is moving, gets nothing: who moves one holds its row, and waits for the attempts that this statement commits
# (contact_points.py).
_STEP = """
WITH answer AS (
    SELECT * FROM json_to_recordset(%s) AS a(
        token uuid, delivery_id bigint, fence int, code text, detail text, provider_message_id text, parts int, price_estimate numeric)
), next AS (
    SELECT * FROM json_to_recordset(%s) AS n(token uuid, delivery_id bigint, fence int, device bigint)
), theirs AS (
    SELECT id FROM carillon_channels_contactpoint WHERE id = ANY(%s) AND removed_at IS NULL FOR KEY SHARE SKIP LOCKED
), kept AS (
    UPDATE carillon_channels_attempt attempt
    SET finished_at = %s, outcome = 'accepted', code = answer.code, detail = answer.detail,
        provider_message_id = answer.provider_message_id, parts = answer.parts, price_estimate = answer.price_estimate
    FROM answer WHERE attempt.token = ANY(%s) AND attempt.token = answer.token
), moved AS (
    UPDATE carillon_channels_delivery delivery
    SET state = 'accepted', reason = 'accepted', reconcile_at = NULL, claims = 0, lease_until = NULL, changed_at = %s
    FROM answer
    WHERE delivery.id = ANY(%s) AND delivery.id = answer.delivery_id AND delivery.fence = answer.fence
        AND delivery.state || '' IN ('sending', 'unknown')
    RETURNING 1
), begun AS (
    INSERT INTO carillon_channels_attempt
        (token, delivery_id, fence, provider, started_at, parts, outcome, code, detail, provider_message_id)
    SELECT next.token, delivery.id, delivery.fence, %s, %s, 1, '', '', '', ''
    FROM next JOIN carillon_channels_delivery delivery ON delivery.id = next.delivery_id AND delivery.fence = next.fence
    LEFT JOIN theirs ON theirs.id = next.device
    WHERE delivery.id = ANY(%s) AND (next.device IS NULL OR theirs.id IS NOT NULL)
        AND delivery.state || '' = 'sending' AND delivery.lease_until > statement_timestamp()
    FOR NO KEY UPDATE OF delivery
    RETURNING token
)
SELECT (SELECT count(*) FROM moved), ARRAY(SELECT token FROM begun), ARRAY(SELECT id FROM theirs)
"""


def take_step(answers: Sequence[Answer], sendings: Sequence[Sending], provider: str, now: datetime) -> list[Sending]:
    """This function will record answers and commit the attempts of those sendings whose deliveries are still ours, and give these.

    All of it happens or nothing. What a provider accepted is recorded in the statement that commits the attempts, where the
    database can write in a WITH; every other answer by itself.
    """
    if connection.vendor != "postgresql":
        with transaction.atomic():
            for sending, receipt in answers:
                record(sending, receipt, now)
            staying = _postpone_moved(sendings, settled(_devices(sendings)), now)
            return _told([sending for sending in staying if _begin(sending, provider, now)], staying)
    accepted = [(sending, receipt) for sending, receipt in answers if receipt.outcome is Outcome.ACCEPTED]
    if len(accepted) == len(answers):
        # One statement is a transaction, without the two round trips of BEGIN and COMMIT.
        return accept_and_begin(accepted, sendings, provider, now)
    with transaction.atomic():
        for sending, receipt in answers:
            if receipt.outcome is not Outcome.ACCEPTED:
                record(sending, receipt, now)
        return accept_and_begin(accepted, sendings, provider, now)


def accept_and_begin(accepted: Sequence[Answer], sendings: Sequence[Sending], provider: str, now: datetime) -> list[Sending]:
    """This function will do what `take_step` does, of what was accepted only and in one statement of PostgreSQL."""
    answers = [{**_key(sending), **answer_columns(sending, receipt)} for sending, receipt in accepted]
    devices = _devices(sendings)
    with connection.cursor() as cursor:
        cursor.execute(
            _STEP,
            [
                json.dumps(answers, default=str),
                json.dumps([{**_key(one), "device": _device(one)} for one in sendings]),
                devices,
                now,
                [UUID(sending.outgoing.token) for sending, _ in accepted],
                now,
                [sending.delivery.pk for sending, _ in accepted],
                provider,
                now,
                [sending.delivery.pk for sending in sendings],
            ],
        )
        moved, begun, theirs = cursor.fetchone()
    if moved < len(accepted):
        logger.warning("%d deliveries moved on before the answers of their attempts came", len(accepted) - moved)
    staying = _postpone_moved(sendings, set(theirs), now) if len(theirs) < len(devices) else sendings
    tokens = {str(token) for token in begun}
    return _told([sending for sending in sendings if sending.outgoing.token in tokens], staying)


def _device(sending: Sending) -> int | None:
    return sending.delivery.contact_point_id if sending.outgoing.to_kind in DEVICES else None


def _devices(sendings: Sequence[Sending]) -> list[int]:
    return sorted({device for device in map(_device, sendings) if device is not None})


def _postpone_moved(sendings: Sequence[Sending], theirs: set[int], now: datetime) -> list[Sending]:
    """This function will have what was for a device that is not theirs any more decided again in a moment: the move may be taken back.

    Gives the rest.
    """
    moved = [sending.delivery for sending in sendings if _device(sending) not in (None, *theirs)]
    if moved:
        ours(moved).update(state=Delivery.State.READY, due_at=now + timedelta(seconds=1), claims=0, lease_until=None, changed_at=now)
    return [sending for sending in sendings if _device(sending) in (None, *theirs)]


def _told(begun: list[Sending], wanted: Sequence[Sending]) -> list[Sending]:
    if len(begun) < len(wanted):
        logger.warning("%d deliveries were claimed by another worker before they were sent", len(wanted) - len(begun))
    return begun


def _key(sending: Sending) -> dict[str, object]:
    return {"token": sending.outgoing.token, "delivery_id": sending.delivery.pk, "fence": sending.delivery.fence}


def _begin(sending: Sending, provider: str, now: datetime) -> bool:
    """This function will insert the attempt if the delivery is ours at that moment, and say whether it was."""
    columns: dict[str, str | Combinable] = {
        "token": Value(UUID(sending.outgoing.token), output_field=UUIDField()),
        "delivery_id": "pk",
        "fence": "fence",
        "provider": Value(provider),
        "started_at": Value(now, output_field=DateTimeField()),
        "parts": Value(1),
        **{name: Value("") for name in ("outcome", "code", "detail", "provider_message_id")},
    }
    return insert_from(Attempt, columns, ours([sending.delivery])) == 1
