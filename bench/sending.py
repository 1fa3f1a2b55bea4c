"""A channel by itself, a batch at a time as the engine hands it over. Read next: emails.py, pushes.py."""

from collections.abc import Sequence

from bench.measure import watch
from channels_ace.channel import Channel, Outcome, Outgoing


def send_all(channel: Channel, outgoings: Sequence[Outgoing]) -> float:
    """This function will give the seconds that a channel takes. Raises RuntimeError unless all were accepted."""
    accepted = 0
    with watch() as taken:
        for start in range(0, len(outgoings), channel.batch_size):
            answers = channel.send(outgoings[start : start + channel.batch_size])
            accepted += sum(receipt.outcome is Outcome.ACCEPTED for _, receipt in answers)
    if accepted != len(outgoings):
        raise RuntimeError(f"{channel.name}: {accepted} of {len(outgoings)} were accepted.")
    return taken.seconds
