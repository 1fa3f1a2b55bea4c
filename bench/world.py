"""What every figure is given: how large, how often, and an empty shop to begin with. Read next: figures.py."""

from dataclasses import dataclass
from datetime import UTC, datetime

from bench.database import run

# A Monday noon in New York; it is evening or night in Asia and Australia.
NOW = datetime(2026, 6, 15, 16, 0, tzinfo=UTC)
# What the product writes while it works; people and what they chose stay.
WRITTEN = (
    "carillon_channels_attempt",
    "carillon_channels_delivery",
    "carillon_channels_fanoutchunk",
    "carillon_notifications_inboxitem",
    "carillon_channels_providerevent",
    "carillon_notifications_ingestedevent",
    "carillon_channels_message",
)


@dataclass(frozen=True)
class World:
    """`scale` shrinks every number of people and messages, for a test of the bench itself."""

    repeats: int
    scale: float

    def of(self, number: int) -> int:
        """This function will give a number at our scale, but never fewer than forty."""
        return max(40, int(number * self.scale))


def empty() -> None:
    """This function will forget everything that was ever said."""
    run(f"TRUNCATE {', '.join(WRITTEN)} RESTART IDENTITY CASCADE")
