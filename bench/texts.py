"""Texts: the whole engine, attempts committed, against a bare boto3 client in as many processes. Read next: channels_ace/delivery.py."""

from typing import Any

import boto3
from botocore.config import Config
from django.conf import settings

from accounts.models import User
from bench.claims import deliver_all, keep_ready, put_ready
from bench.crew import Crew
from bench.database import ask
from bench.measure import Figure, Goal, figure, interleave, watch
from bench.sinks import running_sinks
from bench.world import NOW, World, empty
from channels_ace.api import Hours, MessageType, register, send

PROCESSES = 2
TEXT = MessageType(name="bench.text", channels=("sms",), hours=Hours.ANY, variables=("text",))
register(TEXT)
WORDS = "Your study burst starts today. Open the app for five short tests."


def to_phones(world: World) -> Figure:
    """This function will send 2,000 texts by two processes, to a server on loopback."""
    texts = world.of(2_000)
    empty()
    send(type=TEXT.name, audience=User.objects.filter(pk__lte=texts), context={"text": WORDS}, now=NOW)
    keep_ready()
    with running_sinks() as sinks:
        aws = {**settings.CHANNELS_ACE_PROVIDERS["AWS"], "endpoint_url": sinks.http}
        with Crew(PROCESSES, {"CHANNELS_ACE_PROVIDERS": {"AWS": aws}}) as crew:
            crew.do("bench.crew.get_ready", "bench.texts")

            def ours() -> float:
                put_ready()
                with watch() as taken:
                    crew.do("bench.texts.deliver_texts")
                accepted = ask("SELECT count(*) FROM carillon_channels_attempt WHERE outcome = 'accepted'")
                if accepted != texts:
                    raise RuntimeError(f"{accepted} of {texts} texts were accepted.")
                return taken.seconds

            def bare() -> float:
                with watch() as taken:
                    crew.do("bench.texts.send_bare", texts // PROCESSES, sinks.http)
                return taken.seconds

            crew.do("bench.texts.send_bare", 20, sinks.http)
            seconds, bare_seconds = interleave(world.repeats, ours, bare)
    note = f"{texts / seconds:,.0f} a second against {texts / bare_seconds:,.0f}"
    return figure("sms", texts, Goal(0.8, at_least=True), seconds, bare_seconds, note=note)


def deliver_texts() -> int:
    """This function will deliver until nothing is due."""
    return deliver_all()


_clients: dict[str, Any] = {}


def send_bare(count: int, url: str) -> None:
    """This function will send texts one after the other with this process's one client."""
    if url not in _clients:
        _clients[url] = boto3.client(
            "pinpoint-sms-voice-v2",
            region_name="us-east-1",
            endpoint_url=url,
            aws_access_key_id="bare",
            aws_secret_access_key="bare",  # noqa: S106
            config=Config(retries={"total_max_attempts": 1, "mode": "standard"}),
        )
    for _ in range(count):
        _clients[url].send_text_message(DestinationPhoneNumber="+12065550100", MessageBody=WORDS, MessageType="TRANSACTIONAL")
