"""Who opted out at the provider: read now and then, and never written back. Read next: inbound.py, tasks.py.

A provider that handles STOP by itself may not tell us. Its list only adds suppressions: coming off it again opts nobody in.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from channels_ace.aws import client
from channels_ace.channel import carriers, provider_settings
from channels_ace.contact_points import BadAddress, normal, suppress_index
from channels_ace.crypto import blind_indexes, indexes_since
from channels_ace.inbound_models import ConsentRecord
from channels_ace.index_writing import index_to_write
from channels_ace.models import ContactPoint, Suppression

PAGE = 100
# The list of SNS bears no times: a START of ours may be newer than it for a while.
START_HOLDS = timedelta(days=1)

Entry = tuple[str, datetime | None]


def sync_opt_outs(now: datetime) -> int:
    """This function will suppress texts to every number on the provider's lists, and say how many were new."""
    return sum(_add(source, page, now) for source, page in _pages())


def _pages() -> Iterator[tuple[str, list[Entry]]]:
    aws = provider_settings("AWS")
    providers = {channel.provider for channel in carriers().values()}
    if "eum" in providers:
        for name in aws.get("opt_out_lists", ()):
            pages = client("pinpoint-sms-voice-v2").get_paginator("describe_opted_out_numbers").paginate
            for page in pages(OptOutListName=name, PaginationConfig={"PageSize": PAGE}):
                yield f"eum:{name}", [(one["OptedOutNumber"], one["OptedOutTimestamp"]) for one in page.get("OptedOutNumbers", [])]
    if "sns" in providers:
        for page in client("sns").get_paginator("list_phone_numbers_opted_out").paginate():
            yield "sns", [(number, None) for number in page.get("phoneNumbers", [])]


def _add(source: str, entries: Iterable[Entry], now: datetime) -> int:
    since = dict(_indexed(entries))
    kept_under = [index for oldest in since for index in indexes_since(oldest)]
    stops = Suppression.objects.filter(channel="sms", scope="", reason=Suppression.Reason.STOP, index__in=kept_under)
    by_newest: dict[str, Any] = {indexes_since(index)[0]: lifted_at for index, lifted_at in stops.values_list("index", "lifted_at")}
    known = {oldest: by_newest[newest] for oldest in since if (newest := indexes_since(oldest)[0]) in by_newest}
    new = [index for index, at in since.items() if _is_news(index in known, known.get(index), at, now)]
    for index in new:
        with transaction.atomic():
            suppress_index(channel="sms", index=index, reason=Suppression.Reason.STOP, now=since[index] or now)
            ConsentRecord.objects.create(
                channel="sms",
                index=index_to_write(indexes_since(index)),
                decision=ConsentRecord.Decision.STOPPED,
                source=ConsentRecord.Source.PROVIDER,
                evidence=source[:191],
                at=now,
            )
    return len(new)


def _is_news(is_known: bool, lifted_at: datetime | None, opted_out_at: datetime | None, now: datetime) -> bool:
    """Whether the list says more than we know: a START to us beats what was on the list before."""
    if not is_known:
        return True
    if lifted_at is None:
        return False
    return lifted_at < opted_out_at if opted_out_at else lifted_at < now - START_HOLDS


def _indexed(entries: Iterable[Entry]) -> Iterator[Entry]:
    for number, at in entries:
        try:
            yield blind_indexes(ContactPoint.Kind.PHONE, normal(ContactPoint.Kind.PHONE, number))[-1], at
        except BadAddress:
            continue
