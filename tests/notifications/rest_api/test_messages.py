from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import ServiceToken, User
from accounts.service_tokens import make_service_token
from channels_ace.api import Delivery, Message, deliver
from notifications import inbox
from notifications.models import InboxItem, ServiceMessage
from notifications.preferences import choose
from notifications.service_messages import plan_due
from tests.factories import COURSE, make_member, make_user

ADDRESS = "/api/v1/messages/"
ALL = ["messages:send", "messages:read", "messages:broadcast"]


class Service:
    """Another service, as it calls."""

    def __init__(self, *scopes: str, name: str = "lms") -> None:
        clear = make_service_token(name=name, scopes=scopes or ALL, made_by_id=None, expires_at=None, now=timezone.now())
        self.client = Client(headers={"authorization": f"Bearer {clear}"})
        self.sent = 0

    def send(self, key: str = "", **body: Any) -> Any:
        self.sent += 1
        headers = {"idempotency-key": key or f"k{self.sent}"}
        return self.client.post(ADDRESS, body, content_type="application/json", headers=headers)

    def get(self, address: str, **headers: str) -> Any:
        return self.client.get(address, headers=headers)

    def cancel(self, address: str) -> Any:
        return self.client.post(f"{address}cancellation/", {}, content_type="application/json")


@pytest.fixture
def service(db: None) -> Service:
    return Service()


def texts(**titles: str) -> dict[str, Any]:
    return {"title": titles or {"en": "The lab is closed"}}


def titles_of(user: User, language: str = "en") -> list[str]:
    return [inbox.words(item, language)["title"] for item in inbox.page(user.pk, timezone.now()).items]


def test_texts_in_two_languages_reach_a_course(service: Service) -> None:
    learner, staff, outsider = make_member(), make_member(role="staff"), make_user()

    answer = service.send(texts=texts(en="Closed", es="Cerrado"), audience={"course": {"key": COURSE, "roles": ["learner"]}})
    plan_due(timezone.now())

    assert answer.status_code == 202
    assert answer.headers["Location"] == f"{ADDRESS}{answer.json()['id']}/"
    assert answer.json()["state"] == "planning"
    assert titles_of(learner) == ["Closed"]
    assert titles_of(learner, "es") == ["Cerrado"]
    assert titles_of(staff) + titles_of(outsider) == []


@pytest.mark.parametrize(
    ("part", "reached"),
    [
        ({}, ["a", "b", "c"]),
        ({"roles": ["staff"]}, ["c"]),
        ({"modes": ["verified"]}, ["b"]),
        ({"cohorts": ["blue"]}, ["a"]),
        ({"cohorts": ["blue"], "modes": ["verified"]}, ["a", "b"]),
        ({"but_not": {"roles": ["staff"]}}, ["a", "b"]),
        ({"teams": ["t9"]}, []),
    ],
)
def test_a_part_of_a_course_is_reached_and_nobody_else(service: Service, part: dict[str, Any], reached: list[str]) -> None:
    make_member(make_user("a"), cohort="blue")
    make_member(make_user("b"), mode="verified")
    make_member(make_user("c"), role="staff")
    make_member(make_user("d"), is_active=False)

    service.send(texts=texts(), audience={"course": {"key": COURSE, **part}})
    plan_due(timezone.now())

    assert list(InboxItem.objects.order_by("user__username").values_list("user__username", flat=True)) == reached


def test_people_are_named_by_username_or_platform_id_and_nobody_is_skipped_silently(service: Service) -> None:
    ana, ben = make_user("ana"), make_user("ben", platform_id=7)

    service.send(texts=texts(), audience={"usernames": ["ana"]})
    service.send(texts=texts(), audience={"platform_ids": [7]})
    unknown = service.send(texts=texts(), audience={"usernames": ["ana", "nobody"]})
    plan_due(timezone.now())

    assert [len(titles_of(person)) for person in (ana, ben)] == [1, 1]
    assert unknown.status_code == 400
    assert unknown.json()["errors"] == [{"path": "/audience", "message": "Nobody here is nobody."}]


def test_everyone_is_a_scope_of_its_own(service: Service) -> None:
    make_user(), make_user()
    User.objects.filter(pk=make_user().pk).update(is_active=False)

    refused = Service("messages:send").send(texts=texts(), audience={"everyone": True})
    service.send(texts=texts(), audience={"everyone": True})
    plan_due(timezone.now())

    assert refused.status_code == 403
    assert InboxItem.objects.count() == 2


def test_a_type_is_filled_by_its_context(service: Service) -> None:
    person = make_user("ana")

    answer = service.send(type="other.announcement", context={"title": "Hello"}, audience={"usernames": ["ana"]}, link="/inbox/")
    plan_due(timezone.now())

    assert answer.status_code == 202
    assert titles_of(person) == ["Hello"]
    assert Message.objects.get().link == "/inbox/"


def test_channels_are_really_limited(service: Service) -> None:
    person = make_user("ana", email="ana@example.org", device="a-device")

    answer = service.send(texts=texts(), audience={"usernames": ["ana"]}, channels=["push"])
    plan_due(timezone.now())

    assert answer.status_code == 202
    assert titles_of(person) == []
    assert list(Delivery.objects.values_list("channel", flat=True)) == ["push"]


def test_the_same_key_says_it_once(service: Service) -> None:
    person = make_user("ana")

    first, again = (service.send("one", texts=texts(), audience={"usernames": ["ana"]}) for _ in range(2))
    other = service.send("one", texts=texts(en="Other"), audience={"usernames": ["ana"]})
    plan_due(timezone.now())
    plan_due(timezone.now())

    assert first.json() == again.json()
    assert other.status_code == 422
    assert len(titles_of(person)) == 1


def test_a_call_without_a_key_is_refused(service: Service) -> None:
    answer = service.client.post(ADDRESS, {"texts": texts(), "audience": {"everyone": True}}, content_type="application/json")

    assert answer.status_code == 400
    assert ServiceMessage.objects.count() == 0


def test_nobody_sees_it_before_its_time(service: Service) -> None:
    person, now = make_user("ana"), timezone.now()
    address = service.send(texts=texts(), audience={"usernames": ["ana"]}, send_after=(now + timedelta(hours=1)).isoformat()).headers[
        "Location"
    ]

    plan_due(now)
    early = (titles_of(person), service.get(address).json()["state"])
    plan_due(now + timedelta(hours=2))

    assert early == ([], "waiting")
    assert InboxItem.objects.filter(user=person).count() == 1


def test_what_expired_before_its_time_is_not_said(service: Service) -> None:
    make_user("ana")
    now = timezone.now()
    address = service.send(texts=texts(), audience={"usernames": ["ana"]}, expires_at=(now + timedelta(minutes=5)).isoformat()).headers[
        "Location"
    ]

    plan_due(now + timedelta(minutes=5))

    assert InboxItem.objects.count() == 0
    assert service.get(address).json()["refused_because"] == "It had expired before its time came."


def test_its_status_counts_by_channel_state_and_reason(service: Service) -> None:
    for number in range(3):
        make_user(f"p{number}", email=f"p{number}@example.org" if number else None)
    address = service.send(texts=texts(), audience={"usernames": ["p0", "p1", "p2"]}, channels=["inbox", "push"]).headers["Location"]
    plan_due(timezone.now())

    status = service.get(address).json()

    assert status["state"] == "planned"
    assert status["progress"] == {"people": 3, "deliveries": 6, "finished": 6}
    assert [(row["channel"], row["state"], row["reason"], row["count"]) for row in status["counts"]] == [
        ("inbox", "delivered", "", 3),
        ("push", "suppressed", "no_contact_point", 3),
    ]
    assert all(row["words"] for row in status["counts"])


def test_a_status_that_has_not_changed_is_not_sent_again(service: Service) -> None:
    address = service.send(texts=texts(), audience={"everyone": True}).headers["Location"]
    tag = service.get(address).headers["ETag"]

    unchanged = service.get(address, **{"if-none-match": tag})
    plan_due(timezone.now())

    assert unchanged.status_code == 304
    assert service.get(address, **{"if-none-match": tag}).status_code == 200


def test_cancelled_before_its_time_it_is_never_said(service: Service) -> None:
    make_user("ana")
    address = service.send(texts=texts(), audience={"usernames": ["ana"]}).headers["Location"]

    first, again = service.cancel(address), service.cancel(address)
    plan_due(timezone.now())

    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    assert service.get(address).json()["state"] == "cancelled"
    assert InboxItem.objects.count() == 0


def test_cancelled_under_way_what_waits_is_stopped(service: Service) -> None:
    person = make_user("ana", email="ana@example.org", time_zone="UTC")
    choose(person.pk, "other.announcement", "email", is_on=True, now=timezone.now())
    address = service.send(texts=texts(), audience={"usernames": ["ana"]}).headers["Location"]
    plan_due(timezone.now())
    waiting = Delivery.objects.filter(state__in=Delivery.WAITING).count()

    stopped = service.cancel(address).json()["deliveries"]
    deliver(timezone.now())

    assert stopped == waiting > 0
    assert not Delivery.objects.filter(state__in=[*Delivery.WAITING, "accepted"]).exists()


def test_one_recipient_is_explained(service: Service) -> None:
    make_user("ana@example.org")
    make_user("ben")
    address = service.send(texts=texts(), audience={"usernames": ["ana@example.org"]}).headers["Location"]
    plan_due(timezone.now())

    told = service.get(f"{address}recipients/ana@example.org/").json()

    assert [(channel["channel"], channel["state"]) for channel in told["channels"]] == [
        ("inbox", "delivered"),
        ("email", "suppressed"),
        ("push", "suppressed"),
    ]
    assert service.get(f"{address}recipients/ben/").status_code == 404
    assert service.get(f"{address}recipients/nobody/").status_code == 404


def test_a_service_sees_only_its_own_messages(service: Service) -> None:
    other = Service(name="calendar")
    address = service.send(texts=texts(), audience={"everyone": True}).headers["Location"]

    assert other.get(address).status_code == 404
    assert other.cancel(address).status_code == 404
    assert other.get(ADDRESS).json()["items"] == []
    assert [item["id"] for item in service.get(ADDRESS).json()["items"]] == [address.split("/")[-2]]


def test_a_new_token_of_the_service_follows_what_the_old_one_sent(service: Service) -> None:
    address = service.send(texts=texts(), audience={"everyone": True}).headers["Location"]
    ServiceToken.objects.update(revoked_at=timezone.now())

    assert Service(name="lms").get(address).status_code == 200


def test_each_scope_opens_its_own_methods(db: None) -> None:
    reader, sender = Service("messages:read"), Service("messages:send")
    address = sender.send(texts=texts(), audience={"course": {"key": COURSE}}).headers["Location"]

    assert reader.send(texts=texts(), audience={"course": {"key": COURSE}}).status_code == 403
    assert (reader.get(address).status_code, reader.cancel(address).status_code) == (200, 403)
    assert (sender.get(address).status_code, sender.get(ADDRESS).status_code) == (403, 403)


def test_a_person_sends_nothing(db: None) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("operator"))

    assert client.post(ADDRESS, {}, content_type="application/json").status_code == 403
    assert client.get(ADDRESS).status_code == 403


def test_a_list_goes_on_by_its_cursor(service: Service) -> None:
    for _ in range(51):
        service.send(texts=texts(), audience={"course": {"key": COURSE}})

    first = service.get(ADDRESS).json()
    second = service.get(f"{ADDRESS}?cursor={first['next_cursor']}").json()

    assert (len(first["items"]), len(second["items"]), second["next_cursor"]) == (50, 1, None)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "/audience"),
        ({"audience": {"everyone": True}}, ""),
        ({"type": "other.announcement", "texts": texts(), "audience": {"everyone": True}}, ""),
        ({"type": "no.such", "audience": {"everyone": True}}, "/type"),
        ({"type": "account.password_changed", "audience": {"everyone": True}}, ""),
        ({"type": "digest.summary", "audience": {"everyone": True}}, "/type"),
        ({"type": "other.announcement", "audience": {"everyone": True}}, ""),
        ({"texts": texts(), "context": {"title": "x"}, "audience": {"everyone": True}}, "/context"),
        ({"texts": {"title": {}}, "audience": {"everyone": True}}, "/texts/title"),
        ({"texts": {"title": {"xx": "Hi"}}, "audience": {"everyone": True}}, "/texts/title"),
        ({"texts": {"title": {"en": "\u200b\u200d"}}, "audience": {"everyone": True}}, "/texts/title/en"),
        ({"texts": {"title": {"en": "a\u202eb"}}, "audience": {"everyone": True}}, "/texts/title/en"),
        ({"texts": {"title": {"en": "a" * 201}}, "audience": {"everyone": True}}, "/texts/title/en"),
        ({"texts": texts(), "audience": {}}, "/audience"),
        ({"texts": texts(), "audience": {"everyone": False}}, "/audience/everyone"),
        ({"texts": texts(), "audience": {"everyone": True, "usernames": ["ana"]}}, "/audience"),
        ({"texts": texts(), "audience": {"usernames": []}}, "/audience/usernames"),
        ({"texts": texts(), "audience": {"platform_ids": [2**63]}}, "/audience/platform_ids/0"),
        ({"texts": texts(), "audience": {"course": {"key": COURSE, "role": ["x"]}}}, "/audience/course/role"),
        ({"texts": texts(), "audience": {"everyone": True}, "channels": []}, "/channels"),
        ({"texts": texts(), "audience": {"everyone": True}, "channels": ["pigeon"]}, "/channels/0"),
        ({"texts": texts(), "audience": {"everyone": True}, "channels": ["sms"]}, ""),
        ({"texts": texts(), "audience": {"everyone": True}, "link": "https://evil.example/"}, ""),
        ({"texts": texts(), "audience": {"everyone": True}, "link": "javascript:alert(1)"}, ""),
        ({"texts": texts(), "audience": {"everyone": True}, "expires_at": "2026-01-01T00:00:00Z"}, "/expires_at"),
        ({"texts": texts(), "audience": {"everyone": True}, "send_after": "2026-01-01T00:00:00"}, "/send_after"),
        ({"type": "other.announcement", "context": {"title": "x" * 20_000}, "audience": {"everyone": True}}, "/context"),
        ({"texts": texts(), "audience": {"everyone": True}, "priority": "high"}, "/priority"),
    ],
)
def test_what_cannot_be_said_is_refused_at_once(service: Service, body: dict[str, Any], path: str) -> None:
    answer = service.send(**body)

    assert answer.status_code == 400, answer.json()
    assert path in [error["path"] for error in answer.json()["errors"]]
    assert ServiceMessage.objects.count() == 0
