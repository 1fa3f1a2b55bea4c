"""What the providers' own libraries do behind our back (FI-22): one call of a channel is one request, whatever comes back."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from faults.crew import Job
from faults.scene import Fault, Row, Scene
from tests.fakes import fcm, twilio

# What does not say whether it was accepted; a library takes each for a reason to try again.
UNCLEAR = ("hang_after_accept", "reset_after_accept", "error_500", "error_503", "malformed", "truncated")
PATIENCE_SECONDS = 0.4


@dataclass(frozen=True, kw_only=True)
class Library:
    """A channel whose provider is doubled, where it sends, and the settings that it needs beside the usual ones."""

    channel: str
    to: str
    kind: str
    settings: dict[str, Any] = field(default_factory=dict)


def libraries(scene: Scene) -> dict[str, Library]:
    """This function will name every provider that Carillon can speak to, by the name it has in the ledger."""
    ses = {"endpoint_url": scene.doubles.http, "region_name": "us-east-1", "aws_access_key_id": "k", "aws_secret_access_key": "s"}
    return {
        "eum": Library(channel="sms_aws.EndUserMessagingChannel", to="+12065551000", kind="phone"),
        "sns": Library(channel="sms_aws.SnsChannel", to="+12065551000", kind="phone"),
        "twilio": Library(
            channel="sms_twilio.TwilioChannel",
            to="+12065551000",
            kind="phone",
            settings={"CHANNELS_ACE_PROVIDERS": {"TWILIO": twilio.settings_for(scene.doubles.http, timeout_seconds=PATIENCE_SECONDS)}},
        ),
        "fcm": Library(channel="push_fcm.FcmChannel", to="a-device", kind="device_token"),
        "ses": Library(
            channel="email.EmailChannel",
            to="ada@learn.example",
            kind="email",
            settings={
                "EMAIL_BACKEND": "anymail.backends.amazon_ses.EmailBackend",
                "ANYMAIL": {"AMAZON_SES_CLIENT_PARAMS": {**ses, "config": {"read_timeout": PATIENCE_SECONDS}}},
            },
        ),
        "smtp": Library(
            channel="email.EmailChannel",
            to="ada@learn.example",
            kind="email",
            settings={"EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": scene.doubles.smtp_port, "EMAIL_TIMEOUT": PATIENCE_SECONDS},
        ),
    }


def one_request_a_call(scene: Scene) -> Row:
    """This function will count the requests of one call to each provider's library for each unclear answer."""
    scene.begin()
    account = scene.folder / "service-account.json"
    account.write_text(json.dumps(fcm.make_service_account(scene.doubles.http)), encoding="utf-8")
    known = libraries(scene)
    for kind in UNCLEAR:
        scene.doubles.ledger.forget()
        for provider in known:
            scene.doubles.faults.script(provider, kind, times=1, seconds=2)
        calls = [
            Job(do="call", name=f"{one.channel} {one.kind} {one.to}", timeout=PATIENCE_SECONDS, account=str(account), settings=one.settings)
            for one in known.values()
        ]
        for process in [scene.crew.start(call) for call in calls]:
            scene.crew.wait(process)
        asked = Counter(entry["provider"] for entry in scene.doubles.ledger.entries())
        for provider in known:
            scene.expect(asked[provider] == 1, f"{asked[provider]} requests of {provider} when it does {kind}")
        scene.doubles.faults.clear()
    # Nothing here has a row in the database: what the checker would say of the ledger says nothing.
    cases = len(known) * len(UNCLEAR)
    words = f"FI-22 one request a call ({', '.join(known)})"
    return Row(fault=words, dose=f"{cases} cases", messages=cases, broken=scene.broken())


FAULTS: dict[str, Fault] = {"FI-22": one_request_a_call}
