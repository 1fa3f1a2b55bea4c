"""Channels for development: what would go out is written to the log, with no address in it. Read next: email.py, a real one."""

import hashlib
import logging
from collections.abc import Iterator, Sequence

from channels_ace.channel import Channel, Outcome, Outgoing, Receipt

logger = logging.getLogger(__name__)


class _ConsoleChannel(Channel):
    provider = "console"
    batch_size = 100

    def send(self, batch: Sequence[Outgoing]) -> Iterator[tuple[Outgoing, Receipt]]:
        """This function will log each outgoing and call it accepted."""
        for outgoing in batch:
            # Enough of a digest to tell two people apart, too little to find one.
            who = hashlib.sha256(outgoing.to.encode()).hexdigest()[:8]
            words = "\n".join(f"  {name}: {outgoing.parts[name]}" for name in self.parts if outgoing.parts.get(name))
            logger.info("%s to %s %s: %s\n%s\n  link: %s", self.name, outgoing.to_kind, who, outgoing.type, words, outgoing.link)
            yield outgoing, Receipt(outcome=Outcome.ACCEPTED, provider_message_id=outgoing.token)


class ConsoleEmailChannel(_ConsoleChannel):
    name = "email"
    contact_kinds = ("email",)
    parts = ("subject", "text")


class ConsolePushChannel(_ConsoleChannel):
    name = "push"
    contact_kinds = ("device_token", "device_fid")
    parts = ("title", "body")


class ConsoleSmsChannel(_ConsoleChannel):
    name = "sms"
    contact_kinds = ("phone",)
    parts = ("text",)
