"""What an account of AWS keeps beside texts: opt-out lists, confirmed topics and a queue. Shapes from botocore's models."""

import hashlib
import json
import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

from tests.fakes.answer import Answer

_JSON = {"Content-Type": "application/x-amz-json-1.0"}
_XML = {"Content-Type": "text/xml"}
_NAMESPACE = "http://sns.amazonaws.com/doc/2010-03-31/"


@dataclass
class AwsAccount:
    """`opted_out` is by list of End User Messaging, `lists` names the list of a sender, `sns_opted_out` the one list that SNS has.

    Senders of Twilio are looked up the same way.
    """

    opted_out: dict[str, list[tuple[str, datetime]]] = field(default_factory=dict)
    lists: dict[str, str] = field(default_factory=dict)
    sns_opted_out: list[str] = field(default_factory=list)
    confirmed: list[dict[str, str]] = field(default_factory=list)
    page_size: int = 2
    _queue: dict[str, str] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def forget(self) -> None:
        """This function will empty every list and the queue."""
        for one in (self.opted_out, self.lists, self.sns_opted_out, self.confirmed, self._queue, self._taken):
            one.clear()

    def is_opted_out(self, sender: str, number: str) -> bool:
        """This function will tell whether a number is on the list of a sender."""
        return number in [one for one, _ in self.opted_out.get(self.lists.get(sender, ""), [])]

    def put(self, body: object) -> None:
        """This function will put a message into the queue."""
        with self._lock:
            self._queue[uuid4().hex] = body if isinstance(body, str) else json.dumps(body)

    def waiting(self) -> int:
        """This function will count the messages that nobody has deleted."""
        return len(self._queue)

    def give_back(self) -> None:
        """This function will let what was received and not deleted be received again, as after its visibility timeout."""
        self._taken.clear()

    def answer(self, target: str, body: bytes) -> Answer | None:
        """This function will answer an operation named by a header or a form; None for one that is not ours."""
        operation = target.rpartition(".")[2] if target else _form(body).get("Action", "")
        with self._lock:
            if operation == "DescribeOptedOutNumbers":
                return self._describe_opted_out_numbers(json.loads(body))
            if operation == "ListPhoneNumbersOptedOut":
                return self._list_phone_numbers_opted_out(_form(body))
            if operation == "ConfirmSubscription":
                return self._confirm_subscription(_form(body))
            if operation == "ReceiveMessage":
                return self._receive_message(json.loads(body))
            if operation == "DeleteMessage":
                self._queue.pop(json.loads(body)["ReceiptHandle"], None)
                return Answer(200, "{}", _JSON)
        return None

    def _describe_opted_out_numbers(self, asked: dict[str, Any]) -> Answer:
        name = asked["OptOutListName"]
        if name not in self.opted_out:
            return Answer(400, json.dumps({"__type": "ResourceNotFoundException", "Message": "no such list"}), _JSON)
        start = int(asked.get("NextToken", "0"))
        page = self.opted_out[name][start : start + self.page_size]
        numbers = [{"OptedOutNumber": one, "OptedOutTimestamp": at.timestamp(), "EndUserOptedOut": True} for one, at in page]
        more = {"NextToken": str(start + self.page_size)} if start + self.page_size < len(self.opted_out[name]) else {}
        return Answer(200, json.dumps({"OptOutListName": name, "OptedOutNumbers": numbers, **more}), _JSON)

    def _list_phone_numbers_opted_out(self, form: dict[str, str]) -> Answer:
        start = int(form.get("nextToken", "0"))
        members = "".join(f"<member>{number}</member>" for number in self.sns_opted_out[start : start + self.page_size])
        more = f"<nextToken>{start + self.page_size}</nextToken>" if start + self.page_size < len(self.sns_opted_out) else ""
        return _xml("ListPhoneNumbersOptedOut", f"<phoneNumbers>{members}</phoneNumbers>{more}")

    def _confirm_subscription(self, form: dict[str, str]) -> Answer:
        self.confirmed.append(form)
        return _xml("ConfirmSubscription", f"<SubscriptionArn>{form['TopicArn']}:{uuid4()}</SubscriptionArn>")

    def _receive_message(self, asked: dict[str, Any]) -> Answer:
        most = asked.get("MaxNumberOfMessages", 1)
        keys = [key for key in self._queue if key not in self._taken][:most]
        self._taken.update(keys)
        messages = [
            {"MessageId": key, "ReceiptHandle": key, "Body": self._queue[key], "MD5OfBody": _digest(self._queue[key])} for key in keys
        ]
        return Answer(200, json.dumps({"Messages": messages} if messages else {}), _JSON)


def _form(body: bytes) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(body.decode(errors="replace")).items()}


def _xml(operation: str, inner: str) -> Answer:
    metadata = "<ResponseMetadata><RequestId>0</RequestId></ResponseMetadata>"
    result = f"<{operation}Result>{inner}</{operation}Result>"
    return Answer(200, f'<{operation}Response xmlns="{_NAMESPACE}">{result}{metadata}</{operation}Response>', _XML)


def _digest(body: str) -> str:
    # SQS proves by MD5 that a body arrived whole; botocore checks it.
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()
