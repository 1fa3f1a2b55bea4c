import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from notifications.models import KeptAnswer, Mute
from notifications.rest_api.authentication import person_id
from notifications.rest_api.idempotency import KEPT_FOR, forget_answers, once
from notifications.rest_api.problems import Problem
from tests.factories import NOW, make_user

requests = APIRequestFactory()


class MutesView(APIView):
    """A creating call that is not the same twice by itself."""

    fail = False

    @once()
    def post(self, request: Request) -> Response:
        count = Mute.objects.count()
        body: Any = request.data
        Mute.objects.create(user_id=person_id(request), key=f"{body['key']}{count}", muted_at=NOW)
        if self.fail:
            raise Problem(409, "No")
        return Response({"number": count, "at": NOW}, status=201, headers={"Location": f"/mutes/{count}/"})


class CarefulView(MutesView):
    @once(required=True)
    def post(self, request: Request) -> Response:
        return Response(status=204)


def call(user: Any, key: str | None, body: Any, view: Any = None, address: str = "/mutes/") -> Response:
    headers = {} if key is None else {"HTTP_IDEMPOTENCY_KEY": key}
    request = requests.post(address, body, format="json", **headers)
    force_authenticate(request, user)
    answer: Response = (view or MutesView.as_view())(request)
    return answer.render() if hasattr(answer, "render") else answer


def test_the_same_call_is_answered_as_it_was_and_changes_nothing(db: None) -> None:
    user = make_user()

    first, again, quoted = (call(user, key, {"key": "a"}) for key in ("k1", "k1", '"k1"'))

    assert first.status_code == again.status_code == quoted.status_code == 201
    assert json.loads(first.content) == json.loads(again.content) == json.loads(quoted.content)
    assert again.headers["Location"] == "/mutes/0/"
    assert again.headers["Idempotent-Replay"] == "true"
    assert Mute.objects.count() == 1


def test_another_body_or_address_under_the_key_is_refused(db: None) -> None:
    user = make_user()
    call(user, "k1", {"key": "a"})

    assert call(user, "k1", {"key": "b"}).status_code == 422
    assert call(user, "k1", {"key": "a"}, address="/mutes/?x=1").status_code == 422
    assert Mute.objects.count() == 1


def test_the_order_of_keys_in_a_body_says_nothing(db: None) -> None:
    user = make_user()
    call(user, "k1", {"key": "a", "b": 1})

    assert call(user, "k1", {"b": 1, "key": "a"}).status_code == 201
    assert Mute.objects.count() == 1


def test_each_caller_has_keys_of_their_own(db: None) -> None:
    call(make_user(), "k1", {"key": "a"})
    call(make_user(), "k1", {"key": "b"})

    assert Mute.objects.count() == 2


def test_what_failed_wrote_nothing_and_gives_its_key_back(db: None) -> None:
    user = make_user()

    assert call(user, "k1", {"key": "a"}, MutesView.as_view(fail=True)).status_code == 409
    assert (Mute.objects.count(), KeptAnswer.objects.count()) == (0, 0)
    assert call(user, "k1", {"key": "b"}).status_code == 201


def test_a_call_that_is_still_worked_on_is_a_conflict_until_it_must_be_dead(db: None) -> None:
    user = make_user()
    call(user, "k1", {"key": "a"})
    KeptAnswer.objects.update(status=None)

    assert call(user, "k1", {"key": "a"}).status_code == 409
    KeptAnswer.objects.update(taken_at=timezone.now() - timedelta(minutes=3))
    assert call(user, "k1", {"key": "a"}).status_code == 201
    assert Mute.objects.count() == 2


def test_whoever_was_given_up_does_not_answer_any_more(db: None) -> None:
    class SlowView(MutesView):
        @once()
        def post(self, request: Request) -> Response:
            Mute.objects.create(user_id=person_id(request), key="late", muted_at=NOW)
            KeptAnswer.objects.update(taken_at=timezone.now() + timedelta(seconds=1))
            return Response(status=201)

    assert call(make_user(), "k1", {"key": "a"}, SlowView.as_view()).status_code == 409
    assert Mute.objects.count() == 0


def test_answers_are_kept_for_two_days_and_then_deleted(db: None) -> None:
    user = make_user()
    call(user, "k1", {"key": "a"})
    KeptAnswer.objects.update(taken_at=timezone.now() - timedelta(hours=47))
    assert call(user, "k1", {"key": "a"}).headers.get("Idempotent-Replay")

    KeptAnswer.objects.update(taken_at=timezone.now() - KEPT_FOR)
    assert call(user, "k1", {"key": "a"}).headers.get("Idempotent-Replay") is None
    assert forget_answers(timezone.now() + KEPT_FOR) == 1


@pytest.mark.parametrize("key", ["", " ", "ü", "a" * 192, "a b", '"', "a\x00"])
def test_a_key_must_be_visible_ascii(db: None, key: str) -> None:
    assert call(make_user(), key, {"key": "a"}).status_code == 400
    assert Mute.objects.count() == 0


def test_a_call_without_a_key_is_not_kept_unless_one_is_required(db: None) -> None:
    user = make_user()

    assert [call(user, None, {"key": "a"}).status_code for _ in range(2)] == [201, 201]
    assert call(user, None, {}, CarefulView.as_view()).status_code == 400
    assert KeptAnswer.objects.count() == 0


def test_a_visitor_is_refused_before_a_key_is_taken(db: None) -> None:
    assert call(AnonymousUser(), "k1", {"key": "a"}).status_code in (401, 403)
    assert KeptAnswer.objects.count() == 0


def test_what_a_visitor_is_answered_is_kept_for_nobody(db: None) -> None:
    class OpenView(APIView):
        permission_classes = []
        authentication_classes = []

        @once()
        def post(self, request: Request) -> Response:
            return Response({"secret": 1}, status=201)

    assert call(AnonymousUser(), "k1", {"key": "a"}, OpenView.as_view()).status_code == 201
    assert KeptAnswer.objects.count() == 0


def test_many_calls_at_once_act_once(transactional_db: None) -> None:
    user = make_user()
    together = Barrier(6)

    def call_together(_number: int) -> int:
        together.wait()
        try:
            return call(user, "k1", {"key": "a"}).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(call_together, range(6)))

    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    assert Mute.objects.count() == 1
