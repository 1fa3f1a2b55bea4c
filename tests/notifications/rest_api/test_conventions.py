from typing import Any

import pytest
from django.test import Client, RequestFactory
from django.test.utils import override_settings
from django.urls import path
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications.rest_api.cursors import Seal
from notifications.rest_api.etags import answer_if_changed
from settings.urls import handler400, handler403, handler404, handler500, urlpatterns
from tests.factories import make_user

__all__ = ["handler400", "handler403", "handler404", "handler500"]


class BrokenView(APIView):
    def get(self, request: Request) -> Response:
        raise RuntimeError("a secret")


class VersionView(APIView):
    version = 1

    def get(self, request: Request) -> Response:
        return answer_if_changed(request, self.version, lambda: {"version": self.version})


urlpatterns = [path("api/v1/broken/", BrokenView.as_view()), path("api/v1/version/", VersionView.as_view()), *urlpatterns]


@pytest.fixture
def client(db: None) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(make_user())
    return client


@override_settings(ROOT_URLCONF=__name__)
def test_what_breaks_is_a_problem_that_tells_nothing(client: Client) -> None:
    answer = client.get("/api/v1/broken/")

    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["title"] == "Something went wrong here"
    assert b"secret" not in answer.content


def test_a_foreign_host_is_a_problem_on_the_api_and_a_page_elsewhere(db: None) -> None:
    answer = Client().get("/api/v1/inbox/", headers={"host": "evil.example"})
    page = Client().get("/inbox/", headers={"host": "evil.example"})

    assert (answer.status_code, page.status_code) == (400, 400)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert page.headers["Content-Type"].startswith("text/html")


@override_settings(ROOT_URLCONF=__name__)
def test_what_has_not_changed_is_not_sent_again(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    first = client.get("/api/v1/version/")
    tag = first.headers["ETag"]

    again = client.get("/api/v1/version/", headers={"if-none-match": f'"other", {tag}'})
    monkeypatch.setattr(VersionView, "version", 2)
    changed = client.get("/api/v1/version/", headers={"if-none-match": tag})

    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    assert (changed.status_code, changed.json()) == (200, {"version": 2})


@override_settings(ROOT_URLCONF=__name__)
def test_a_tag_is_good_for_one_person_language_and_address(client: Client) -> None:
    other = Client()
    other.force_login(make_user())
    tag = client.get("/api/v1/version/").headers["ETag"]

    assert other.get("/api/v1/version/", headers={"if-none-match": tag}).status_code == 200
    assert client.get("/api/v1/version/", headers={"if-none-match": tag, "accept-language": "es"}).status_code in (200, 304)
    assert client.get("/api/v1/version/?a=1", headers={"if-none-match": tag}).status_code == 200


def seal(user: Any, listing: str = "inbox", **filters: object) -> Seal:
    request = Request(RequestFactory().get("/"))
    request.user = user
    return Seal(request, listing, **filters)


def test_a_cursor_is_good_for_one_caller_and_one_list(db: None) -> None:
    user = make_user()
    cursor = seal(user, unread=True).close([12, "a"])

    assert seal(user, unread=True).open(cursor) == [12, "a"]
    for other in (seal(make_user(), unread=True), seal(user, unread=False), seal(user, "other", unread=True)):
        with pytest.raises(ValidationError):
            other.open(cursor)


@pytest.mark.parametrize("cursor", ["", "p=foo", "cD0A", "a:b", "e30:" + "a" * 43, "\ud800", "é:é"])
def test_every_cursor_but_ours_is_refused(db: None, cursor: str) -> None:
    with pytest.raises(ValidationError):
        seal(make_user()).open(cursor)


def test_the_end_of_a_list_has_no_cursor(db: None) -> None:
    assert seal(make_user()).close(None) is None
    assert seal(make_user()).open(None) is None
