"""E-mail: the channel against Django's `send()` for each. Read next: channels_ace/channels/email.py."""

from collections.abc import Sequence

from django.core.mail import EmailMultiAlternatives
from django.test import override_settings

from bench.measure import Figure, Goal, figure, interleave, watch
from bench.outgoings import make_outgoings
from bench.sending import send_all
from bench.sinks import running_sinks
from bench.world import World
from channels_ace.channel import Outgoing
from channels_ace.channels.email import EmailChannel


def over_one_connection(world: World) -> Figure:
    """This function will send one message by e-mail to 2,000 people, to a server on loopback."""
    with running_sinks() as sinks, override_settings(EMAIL_HOST="127.0.0.1", EMAIL_PORT=sinks.smtp_port):
        channel = EmailChannel()
        outgoings = make_outgoings(world.of(2_000), "email", channel.parts, "email", "person{}@example.org")
        ours, each = interleave(world.repeats, lambda: send_all(channel, outgoings), lambda: send_each(outgoings))
    note = f"{len(outgoings) / ours:,.0f} a second against {len(outgoings) / each:,.0f}"
    return figure("email", len(outgoings), Goal(5, at_least=True), ours, each, note=note)


def send_each(outgoings: Sequence[Outgoing]) -> float:
    """This function will give the seconds of sending each with a message and a connection of its own."""
    with watch() as taken:
        for outgoing in outgoings:
            mail = EmailMultiAlternatives(outgoing.parts["subject"], outgoing.parts["text"], to=[outgoing.to])
            mail.attach_alternative(outgoing.parts["html"], "text/html")
            mail.send()
    return taken.seconds
