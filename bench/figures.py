"""The figures of the table, in its order. Read next: any of the modules named here."""

from collections.abc import Callable

from bench import claims, emails, fan_out, memory, pushes, storage, texts
from bench.measure import Figure
from bench.world import World

FIGURES: dict[str, Callable[[World], Figure]] = {
    "inbox": fan_out.to_inboxes,
    "million": fan_out.to_a_million,
    "channels": fan_out.to_all_channels,
    "everyone": fan_out.to_everyone,
    "claims": claims.claim_and_record,
    "email": emails.over_one_connection,
    "push": pushes.to_devices,
    "sms": texts.to_phones,
    "bytes": storage.per_recipient,
    "memory": memory.stays_flat,
}
