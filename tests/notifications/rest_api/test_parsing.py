import pytest
from django.test import Client
from rest_framework.exceptions import ParseError

from notifications.rest_api.parsing import DEEPEST, MOST_BYTES, parse
from tests.factories import make_user

ADDRESS = "/api/v1/preferences/discussion/email/"


@pytest.fixture
def client(db: None) -> Client:
    client = Client()
    client.force_login(make_user())
    return client


def test_plain_json_is_read() -> None:
    assert parse('{"a": [1, -2.5, "ü\\u00fc\\ud83d\\ude00", null, true]}') == {"a": [1, -2.5, "üü😀", None, True]}


def test_nesting_is_allowed_up_to_its_limit() -> None:
    assert parse("[" * DEEPEST + "]" * DEEPEST)
    with pytest.raises(ParseError):
        parse("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1))


def test_brackets_inside_texts_are_not_nesting() -> None:
    assert parse('["' + "[" * 100 + '\\"' + "{" * 100 + '"]')


@pytest.mark.parametrize(
    "body",
    [
        b'{"is_on": "\\u0000"}',
        b'{"a\\u0000b": true}',
        b'{"is_on": "\\ud800"}',
        b'{"\\udc00": 1}',
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 900 + b"1" + b"}" * 900,
        b'{"is_on": true, "is_on": false}',
        b'{"is_on": NaN}',
        b'{"is_on": -Infinity}',
        b'{"is_on": 1e400}',
        b'{"is_on": ' + b"9" * 5000 + b"}",
        b'{"is_on": \xff}',
        b'\xef\xbb\xbf{"is_on": true}',
        '{"is_on": true}'.encode("utf-16"),
        b'{"is_on": true',
        b'{"is_on": true} {}',
        b"{'is_on': true}",
        b'{"is_on": "a\nb"}',
        b"]",
        b'"',
        b"\x00",
    ],
)
def test_what_two_readers_could_understand_differently_is_refused(client: Client, body: bytes) -> None:
    answer = client.patch(ADDRESS, body, content_type="application/json")

    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"]


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json; charset=bogus",
        "application/json; charset=utf-16",
        "application/json; charset=",
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "nonsense",
    ],
)
def test_only_json_in_utf8_is_understood(client: Client, content_type: str) -> None:
    answer = client.patch(ADDRESS, b'{"is_on": true}', content_type=content_type)

    assert answer.status_code == 415
    assert answer.json()["status"] == 415


def test_utf8_may_be_named(client: Client) -> None:
    answer = client.patch(ADDRESS, b'{"is_on": false}', content_type="application/json; charset=UTF-8")

    assert answer.status_code == 200


def test_a_body_larger_than_any_resource_needs_is_refused(client: Client) -> None:
    answer = client.patch(ADDRESS, b'{"is_on": "' + b"a" * MOST_BYTES + b'"}', content_type="application/json")

    assert answer.status_code == 413
    assert answer.headers["Content-Type"] == "application/problem+json"
