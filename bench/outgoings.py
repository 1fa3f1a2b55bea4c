"""What the carriers are handed, as the engine would: one message, many people. Read next: channels_ace/prepare.py."""

from uuid import uuid4

from bench.people import CONTEXT, TYPE
from bench.world import NOW
from channels_ace.api import Message, render
from channels_ace.channel import Outgoing


def make_outgoings(count: int, channel: str, parts: tuple[str, ...], kind: str, address: str) -> list[Outgoing]:
    """This function will give one message's outgoings to as many addresses; `address` has a place for the number."""
    message = Message(type=TYPE, context=CONTEXT, link="/inbox/", created_at=NOW)
    words = render(message, channel, parts, "en")
    return [
        Outgoing(
            token=str(uuid4()),
            to=address.format(number),
            to_kind=kind,
            parts=words,
            type=TYPE,
            message_id=message.public_id,
            language="en",
            ttl_seconds=86_400,
            link=message.link,
        )
        for number in range(count)
    ]
