import pytest
from django.core.exceptions import ImproperlyConfigured

from settings import env

NAME = "CARILLON_TEST_SETTING"


def set_to(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    if value is None:
        monkeypatch.delenv(NAME, raising=False)
    else:
        monkeypatch.setenv(NAME, value)


@pytest.mark.parametrize("value", [None, "", "   "])
def test_a_missing_text_is_a_sentence_that_names_the_variable(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    set_to(monkeypatch, value)
    with pytest.raises(ImproperlyConfigured, match=rf"^{NAME} is not set\. .*docs/settings\.md.*\.$"):
        env.text(NAME)


def test_a_default_stands_in_for_an_empty_text(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to(monkeypatch, " ")
    assert env.text(NAME, "default") == "default"


def test_words_are_split_at_commas_and_trimmed(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to(monkeypatch, " a.example ,,b.example ")
    assert env.words(NAME) == ["a.example", "b.example"]


@pytest.mark.parametrize(
    ("value", "means"), [("yes", True), ("TRUE", True), ("1", True), ("on", True), ("no", False), ("0", False), ("Off", False)]
)
def test_a_flag_is_yes_or_no_in_the_usual_spellings(monkeypatch: pytest.MonkeyPatch, value: str, means: bool) -> None:
    set_to(monkeypatch, value)
    assert env.flag(NAME, default=not means) is means


def test_a_flag_that_is_neither_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to(monkeypatch, "perhaps")
    with pytest.raises(ImproperlyConfigured, match=rf"^{NAME} is 'perhaps': it must be yes or no\.$"):
        env.flag(NAME, default=True)


@pytest.mark.parametrize("value", ["-1", "1.5", "ten", "²"])
def test_a_number_that_is_not_whole_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    set_to(monkeypatch, value)
    with pytest.raises(ImproperlyConfigured, match=rf"^{NAME} is .*: it must be a whole number\.$"):
        env.number(NAME, 5)


def test_an_address_of_another_kind_is_refused_without_showing_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to(monkeypatch, "mysql://user:hunter2@host/name")
    with pytest.raises(ImproperlyConfigured, match=rf"^{NAME} must begin with ") as refused:
        env.database(NAME)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("value", ["postgres://", "postgres://host", "postgres://host:port/name"])
def test_an_address_of_no_database_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    set_to(monkeypatch, value)
    with pytest.raises(ImproperlyConfigured, match=rf"^{NAME} .+\.$"):
        env.database(NAME)


def test_sqlite_waits_for_its_turn_instead_of_failing(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to(monkeypatch, "sqlite:////tmp/some.sqlite3")
    config = env.database(NAME)
    assert config["NAME"] == "/tmp/some.sqlite3"  # noqa: S108  an address only, nothing is opened
    assert config["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


def test_postgresql_keeps_checked_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to(monkeypatch, "postgres://user:p%40ss@host:5433/name")
    config = env.database(NAME)
    assert (config["NAME"], config["PASSWORD"], config["PORT"]) == ("name", "p@ss", 5433)
    assert config["CONN_HEALTH_CHECKS"] is True


@pytest.mark.parametrize("value", ["http://mail.example.org", "mail.example.org", "smtp://mail.example.org:port"])
def test_an_address_of_no_mail_server_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    set_to(monkeypatch, value)
    with pytest.raises(ImproperlyConfigured, match=rf"^{NAME} .+\.$"):
        env.email(NAME)


def test_mail_may_go_through_starttls_or_a_service(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to(monkeypatch, "smtp+tls://mail.example.org:587")
    assert env.email(NAME)["EMAIL_USE_TLS"] is True
    set_to(monkeypatch, "anymail.backends.postmark.EmailBackend")
    assert env.email(NAME) == {"EMAIL_BACKEND": "anymail.backends.postmark.EmailBackend"}


@pytest.mark.parametrize("value", ["{", "[]", "text"])
def test_options_that_are_no_object_are_refused_by_name(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    set_to(monkeypatch, value)
    with pytest.raises(ImproperlyConfigured, match=rf"^{NAME} .+\.$"):
        env.options(NAME)


def test_choices_stand_for_what_they_name_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to(monkeypatch, "b, a")
    assert env.choices(NAME, {"a": "first", "b": "second"}, "a") == ["second", "first"]


def test_a_choice_that_there_is_not_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to(monkeypatch, "pigeon")
    with pytest.raises(ImproperlyConfigured, match=rf"^{NAME} names 'pigeon': there are a, b\.$"):
        env.choices(NAME, {"a": "first", "b": "second"}, "a")


@pytest.mark.parametrize(
    ("broker", "address"),
    [
        ("redis://127.0.0.1:6379/3", "redis://127.0.0.1:6379/3"),
        ("redis+socket:///tmp/redis.sock?virtual_host=3", "unix:///tmp/redis.sock?db=3"),
        ("filesystem://", ""),
    ],
)
def test_the_brokers_address_is_written_as_the_client_of_redis_reads_it(broker: str, address: str) -> None:
    assert env.address_of_redis(broker) == address


@pytest.mark.parametrize(
    ("value", "means"),
    [
        (None, {"eum": 0, "sns": 0}),
        ("3", {"eum": 3, "sns": 3}),
        ('{"eum": 3, "+12065550100": 0.5}', {"eum": 3, "+12065550100": 0.5}),
    ],
)
def test_rates_are_one_for_all_or_named(monkeypatch: pytest.MonkeyPatch, value: str | None, means: dict[str, float]) -> None:
    set_to(monkeypatch, value)
    assert env.rates(NAME, ["eum", "sns"]) == means


@pytest.mark.parametrize("value", ["-1", "fast", '{"eum": -1}', '{"eum": "3"}', '{"eum": true}', '{"eum": NaN}', "[1]"])
def test_a_rate_that_is_none_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    set_to(monkeypatch, value)
    with pytest.raises(ImproperlyConfigured, match=NAME):
        env.rates(NAME, ["eum"])


def test_origins_are_schemes_and_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to(monkeypatch, "https://lms.example.org, http://127.0.0.1:8001")
    assert env.origins(NAME) == ["https://lms.example.org", "http://127.0.0.1:8001"]


@pytest.mark.parametrize(
    "value", ["*", "lms.example.org", "https://lms.example.org/", "https://LMS.example.org", "https://a@b.example", "https://"]
)
def test_what_is_no_origin_is_a_sentence(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    set_to(monkeypatch, value)
    with pytest.raises(ImproperlyConfigured, match=rf"^{NAME} holds .*without a path\.$"):
        env.origins(NAME)
