"""Several messages at once, to rows that the caller's own statement selects and decides about. Read next: fan_out.py, insert.py.

For who tells many people one of some texts each, and has asked the rules about every row already (decision.py): the messages are one
statement, and their deliveries a table of the caller's insert.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Value
from django.db.models.functions import Coalesce

from channels_ace.decision import Question, Rule
from channels_ace.fan_out import ends_of, poke_on_commit
from channels_ace.insert import By, Into
from channels_ace.message_types import find
from channels_ace.models import Delivery, Message
from channels_ace.send import draft_message


def write_messages(
    type_name: str,
    *,
    contexts: Mapping[str, Mapping[str, Any]],
    channels: Sequence[str],
    scope: str,
    now: datetime,
    expires_at: datetime | None = None,
) -> dict[str, Message]:
    """This function will write a message for each idempotency key, in the caller's transaction and in one statement.

    They count as planned: nobody else will plan them. Raises Refused, and IntegrityError where a key has been used.
    """
    message_type = find(type_name)
    drafts = {
        key: draft_message(
            message_type, now=now, context=context, scope=scope, link="", channels=channels, idempotency_key=key, expires_at=expires_at
        )
        for key, context in contexts.items()
    }
    for draft in drafts.values():
        draft.fanned_out_at = now
    Message.objects.bulk_create(drafts.values())
    poke_on_commit(message_type.lane)
    return drafts


def deliveries_of(
    question: Question, messages: By, waits: Sequence[Rule], *, after: int, by: str, expires_at: datetime | None, now: datetime
) -> Into:
    """This function will say which delivery a row gets that nothing forbids.

    `messages` tells the key of its message; the number under `by` is `after` + 1 for now, and beyond that one of those that it waits for.
    """
    ends = ends_of(waits, starts=question.now, now=now)
    return Into(
        model=Delivery,
        columns={
            "user_id": question.user,
            "contact_point_id": Coalesce(question.contact_point, Value(0)),
            "channel": Value(question.channel),
            "lane": Value(question.type.lane),
            "created_at": Value(now),
            "changed_at": Value(now),
            "expires_at": Value(expires_at),
        },
        looked_up={"message_id": messages, **{name: By(by, [*[None] * (after + 1), *values]) for name, values in ends.items()}},
        only=f"> {after}",
    )


def drop_unsaid(messages: Mapping[str, Message]) -> None:
    """This function will take back those messages that nobody got."""
    said = Delivery.objects.filter(message=OuterRef("pk"))
    unsaid = Message.objects.filter(~Exists(said), pk__in=[message.pk for message in messages.values()])
    # Nothing can point at them yet.
    unsaid._raw_delete(unsaid.db)
