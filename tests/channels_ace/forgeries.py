"""Messages that somebody else than SNS might send to the webhook, each wrong in one way. Read next: test_webhooks.py."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tests.fakes import receipts, sns_topic
from tests.fakes.sns_topic import CERTIFICATE_PATH, TOPIC

Envelope = dict[str, str]
HOST = "sns.us-east-1.amazonaws.com"


def body_of(envelope: Envelope) -> bytes:
    """This function will write an envelope as it is posted."""
    return json.dumps(envelope).encode()


def genuine() -> Envelope:
    """This function will give a message that would stop texts to a number, if it were believed."""
    return sns_topic.notification(receipts.inbound("+12065550123", "STOP"), subject="News")


def _signed_by(url: str) -> Callable[[], Envelope]:
    return lambda: sns_topic.signed(_unsigned(), url=url)


def _unsigned() -> Envelope:
    return {name: value for name, value in genuine().items() if not name.startswith("Sign")}


def _altered(name: str, value: str) -> Callable[[], Envelope]:
    return lambda: {**genuine(), name: value}


def _confirmation_altered(name: str, value: str) -> Callable[[], Envelope]:
    return lambda: {**sns_topic.subscription_confirmation(), name: value}


def _without(name: str) -> Callable[[], Envelope]:
    return lambda: {key: value for key, value in genuine().items() if key != name}


def _ago(age: timedelta) -> Callable[[], Envelope]:
    return lambda: sns_topic.notification(receipts.inbound("+12065550123", "STOP"), at=datetime.now(UTC) - age)


HOSTS = {
    "a longer host": f"https://{HOST}.evil.example{CERTIFICATE_PATH}",
    "a user name": f"https://{HOST}@evil.example{CERTIFICATE_PATH}",
    "plain http": f"http://{HOST}{CERTIFICATE_PATH}",
    "a port": f"https://{HOST}:443{CERTIFICATE_PATH}",
    "an escaped slash": f"https://{HOST}%2f.evil.example{CERTIFICATE_PATH}",
    "a dot at the end": f"https://{HOST}.{CERTIFICATE_PATH}",
    "upper case": f"https://{HOST.upper()}{CERTIFICATE_PATH}",
    "a bucket": f"https://sns-us-east-1.s3.amazonaws.com{CERTIFICATE_PATH}",
    "an address of digits": f"https://[::1]{CERTIFICATE_PATH}",
    "letters that look alike": f"https://sns.us-east-1.аmazonaws.com{CERTIFICATE_PATH}",
    "another region": f"https://sns.eu-west-1.amazonaws.com{CERTIFICATE_PATH}",
    "a line feed": f"https://{HOST}{CERTIFICATE_PATH}\n",
}
PATHS = {
    "another file": f"https://{HOST}/key.pem",
    "a path around": f"https://{HOST}/x/..{CERTIFICATE_PATH}",
    "a query": f"https://{HOST}{CERTIFICATE_PATH}?x=1",
    "a fragment": f"https://{HOST}{CERTIFICATE_PATH}#x",
    "an action of SNS": f"https://{HOST}/?Action=GetTopicAttributes",
}
FORGED: dict[str, Callable[[], Envelope]] = {
    **{f"certificate: {name}": _signed_by(url) for name, url in {**HOSTS, **PATHS}.items()},
    "signature version 1": _altered("SignatureVersion", "1"),
    "no signature": _altered("Signature", ""),
    "a signature that is no base64": _altered("Signature", "***"),
    "another signature": lambda: {**genuine(), "Signature": genuine()["Signature"]},
    "altered Message": _altered("Message", "{}"),
    "altered MessageId": _altered("MessageId", "00000000-0000-0000-0000-000000000000"),
    "altered Subject": _altered("Subject", "Other news"),
    "dropped Subject": _without("Subject"),
    "altered Timestamp": _altered("Timestamp", datetime.now(UTC).isoformat(timespec="milliseconds")),
    "altered Type": _altered("Type", "UnsubscribeConfirmation"),
    "altered Token": _confirmation_altered("Token", "mine"),
    "altered SubscribeURL": _confirmation_altered("SubscribeURL", "https://evil.example/"),
    "altered topic": _altered("TopicArn", f"{TOPIC}-2"),
    "a confirmation that calls itself a notification": lambda: {**sns_topic.subscription_confirmation(), "Type": "Notification"},
    "a foreign topic, rightly signed": lambda: sns_topic.notification("hello", topic="arn:aws:sns:us-east-1:999999999999:mine"),
    "a foreign topic to confirm": lambda: sns_topic.subscription_confirmation(topic="arn:aws:sns:us-east-1:999999999999:mine"),
    "a type that does not exist": lambda: sns_topic.signed({**_unsigned(), "Type": "Command"}),
    "from yesterday": _ago(timedelta(days=1)),
    "from tomorrow": _ago(timedelta(days=-1)),
    "an hour and a second old": _ago(timedelta(hours=1, seconds=1)),
    "no time zone": lambda: sns_topic.signed({**_unsigned(), "Timestamp": "2026-01-01T00:00:00"}),
    "too large": lambda: sns_topic.notification("x" * 300_000),
}
