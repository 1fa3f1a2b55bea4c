"""The figures of the table, in its order. Read next: any of the modules named here."""

from collections.abc import Callable

from bench import claims, digests, emails, enrolling, fan_out, memory, nudges, pushes, reads, storage, texts
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
    "hour4": nudges.an_hour_of_ten_thousand,
    "hour5": nudges.an_hour_of_a_hundred_thousand,
    "hour": nudges.an_hour,
    "orm": nudges.beside_the_orm,
    "loop": nudges.beside_a_loop,
    "worst": nudges.the_worst_hour,
    "idle": nudges.an_idle_hour,
    "enrol": enrolling.joining,
    "weight": enrolling.weight_of_a_plan,
    "re-plan": enrolling.another_version,
    "adherence": enrolling.adherence,
    "list": reads.list_beside_stock,
    "list2": reads.list_beside_nothing,
    "deep": reads.page_500,
    "tabs": reads.unread_counts,
    "badge": reads.unseen_badge,
    "mark": reads.mark_all,
    "merged": reads.list_with_broadcasts,
    "merged2": reads.counts_with_broadcasts,
    "digest": digests.for_those_who_are_due,
}
