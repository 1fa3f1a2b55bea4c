import pytest
from pytest_django import Settings

from channels_ace.api import Refused
from notifications.links import absolute, allowed_link


@pytest.fixture(autouse=True)
def site(settings: Settings) -> None:
    settings.SITE_URL = "http://carillon.example:8000"
    settings.LINK_HOSTS = ["lms.example.org"]


@pytest.mark.parametrize(
    "link",
    [
        "",
        "/",
        "/inbox/?category=study#top",
        "/courses/course-v1:DemoX+NS101+2026/discussion",
        "/redirect?to=https://evil.example/",
        "/javascript:alert(1)",
        "/café/أسئلة",
        "http://carillon.example:8000/inbox/",
        "https://lms.example.org",
        "https://lms.example.org/courses/course-v1:DemoX+NS101+2026/jump_to/block-v1:x?a=b&c=d#e",
        "https://LMS.example.org/x",
        "HTTPS://lms.example.org/x",
    ],
)
def test_a_link_of_this_site_or_an_allowed_host_is_kept_as_it_is(link: str) -> None:
    assert allowed_link(link) == link


@pytest.mark.parametrize(
    "link",
    [
        "//evil.example/x",
        "///evil.example/x",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        " /inbox/",
        "/in box/",
        "/inbox/\n",
        "/\u202egnp.exe",
        "/\0",
        "inbox/",
        "?next=/inbox/",
        "evil.example",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "file:///etc/passwd",
        "ftp://lms.example.org/x",
        "http://lms.example.org/x",
        "https:lms.example.org",
        "https:///lms.example.org",
        "https://evil.example/lms.example.org",
        "https://lms.example.org.evil.example/",
        "https://evillms.example.org/",
        "https://lms.example.org@evil.example/",
        "https://user:pass@lms.example.org/",
        "https://@lms.example.org/",
        "https://lms.example.org:8443/",
        "https://lms.example.org:port/",
        "https://lms.example.org./",
        "https://lms。example.org/",
        "https://[::1]/",
        "https://[lms.example.org/",
        "http://carillon.example:8000",
        "http://carillon.example:8000@evil.example/",
        "http://carillon.example:80000/",
        "https://carillon.example:8000/",
        "/" + "x" * 500,
    ],
)
def test_a_link_that_could_lead_elsewhere_is_refused(link: str) -> None:
    with pytest.raises(Refused):
        allowed_link(link)


def test_a_path_becomes_a_whole_address_and_others_stay() -> None:
    assert absolute("/inbox/") == "http://carillon.example:8000/inbox/"
    assert absolute("https://lms.example.org/x") == "https://lms.example.org/x"
    assert absolute("") == ""
