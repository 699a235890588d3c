"""The site of the demonstration: its login, its forms, and the services mounted in it."""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.cli.client import Visitor

from plugit_wsgi.cli.children import Child, find_example
from plugit_wsgi.cli.demo import create_app
from plugit_wsgi.sdk import PlugItAPI
from plugit_wsgi.testing.fake_service import FakeService, Reply
from plugit_wsgi.wire.keys import format_service_key, load_secrets, service_keys

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

ROOT = Path(__file__).resolve().parents[3]
SECRET = "a secret of the tests, long enough."
WHO = "{{ ebuio_u.username }}|{{ ebuio_u.ebuio_member }}|{{ ebuio_u.ebuio_admin }}|{{ ebuio_orga.name }}"


@pytest.fixture
def processes() -> dict[str, Any]:
    """Stand-ins for the processes of the services: whether they have ended."""
    return {name: SimpleNamespace(pid=4711, poll=lambda: None) for name in ("polls", "notes")}


@pytest.fixture
def visitor(serve: Callable[[WSGIApplication], str], processes: dict[str, Any]) -> Visitor:
    """A visitor of the site, in front of two services."""
    children = []
    for name, process in processes.items():
        service = FakeService()
        service.action("/", template=f"<p id=who>{WHO}</p>")
        service.action("/create", meta={"only_member_user": True}, template="create")
        service.action("/archive", meta={"only_subscription": ["archive"]}, template="the archive")
        service.action("/voters", meta={"only_admin_user": True}, template="voters")
        port = int(serve(service).rpartition(":")[2])
        children.append(Child(name, Path("/somewhere", name), port, process))
    return Visitor(create_app(children))


def log_in(visitor: Visitor, name: str, **fields: str) -> Any:
    """Clicks the button of a person."""
    people = {"vera": "1", "max": "2", "olga": "3"}
    return visitor.submit("/login", "/login", person=people[name], **fields)


def who(visitor: Visitor, service: str) -> str:
    """What a service's template was given."""
    return visitor.get(f"/s/{service}/").text.partition("<p id=who>")[2].partition("</p>")[0]


def test_home_leads_to_the_services_and_the_login(visitor: Visitor) -> None:
    """And says how to end the voting service and bring it back."""
    page = visitor.get("/").text
    for link in ("/s/polls/", "/s/notes/", "/login"):
        assert f'href="{link}"' in page
    assert "kill 4711" in page
    assert "-m plugit_wsgi.cli serve /somewhere/polls --port " in page


def test_mail_of_a_service_is_on_a_page_and_answered(
    serve: Callable[[WSGIApplication], str], processes: dict[str, Any]
) -> None:
    """Sent with the key of the service, to anybody; the answer goes to the service that sent it."""
    services = {name: FakeService() for name in processes}
    children = []
    for name, service in services.items():
        service.answer("/mail", Reply(body={"result": "Ok"}))
        port = int(serve(service).rpartition(":")[2])
        children.append(Child(name, Path("/somewhere", name), port, processes[name]))
    site = create_app(children, SECRET)
    key = format_service_key(service_keys(load_secrets(SECRET), "notes"))
    api = PlugItAPI(f"{serve(site)}/s/_api/notes/", key)
    assert api.send_mail("a@example.org", "Hi", ["b@example.org"], "text", response_id="7")
    visitor = Visitor(site)
    assert "Mail (1)" in visitor.get("/").text
    log_in(visitor, "vera")
    assert '<a href="/mail/1">Hi</a>' in visitor.get("/mail/").text
    assert visitor.post("/mail/1", data={"message": "forged"}).status_code == 403
    assert visitor.submit("/mail/1", "/mail/1", message="Thanks").status_code == 303
    assert "The service took this answer." in visitor.get("/mail/1").text
    (call,) = services["notes"].called("/mail")
    assert call.body == b"response_id=7&message=Thanks"
    assert services["polls"].called("/mail") == []
    assert visitor.get("/mail/2").status_code == 404


def test_home_tells_that_the_service_has_ended(visitor: Visitor, processes: dict[str, Any]) -> None:
    """There is nothing to kill any more."""
    processes["polls"].poll = lambda: -15
    page = visitor.get("/").text
    assert "kill" not in page
    assert "has ended" in page
    assert "-m plugit_wsgi.cli serve /somewhere/polls --port " in page


@pytest.mark.parametrize(
    ("name", "polls", "notes"),
    [
        ("vera", "vera|False|False|", "vera|False|False|Harbour Radio"),
        ("max", "max|True|False|", "max|False|False|Harbour Radio"),
        ("olga", "olga|True|True|", "olga|False|False|City Theatre"),
    ],
)
def test_one_click_logs_in(visitor: Visitor, name: str, polls: str, notes: str) -> None:
    """The services see who it is, with the rights of this one."""
    answer = log_in(visitor, name)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert who(visitor, "polls") == polls
    assert who(visitor, "notes") == notes


@pytest.mark.parametrize(
    ("name", "path", "status"),
    [
        ("vera", "create", 403),
        ("max", "create", 200),
        ("max", "voters", 403),
        ("olga", "voters", 200),
    ],
)
def test_the_rules_of_the_service_hold(visitor: Visitor, name: str, path: str, status: int) -> None:
    """For each person, theirs."""
    log_in(visitor, name)
    assert visitor.get(f"/s/polls/{path}").status_code == status


def test_a_page_for_others_leads_to_the_login_and_back(visitor: Visitor) -> None:
    """With the page in `next`, kept by the form."""
    answer = visitor.get("/s/polls/create?a=b")
    assert answer.status_code == 302
    login = answer.headers["Location"]
    assert login.startswith("/login?next=")
    assert visitor.submit(login, "/login", person="2").headers["Location"] == "/s/polls/create?a=b"
    assert visitor.get("/s/polls/create?a=b").status_code == 200


def test_a_page_for_subscribers_leads_to_billing_and_back(visitor: Visitor) -> None:
    """A click subscribes, for oneself alone; another one ends it."""
    log_in(visitor, "vera")
    page = visitor.get("/s/notes/archive?a=b")
    assert page.status_code == 403
    billing = html.unescape(page.text.partition('btn-primary" href="')[2].partition('"')[0])
    assert billing == "/billing?next=/s/notes/archive%3Fa%3Db&service=notes&label=archive"
    answer = visitor.submit(billing, "/billing", act="begin", label="archive")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/s/notes/archive?a=b")
    assert "the archive" in visitor.get("/s/notes/archive").text
    log_in(visitor, "max")
    assert visitor.get("/s/notes/archive").status_code == 403
    log_in(visitor, "vera")
    assert (
        visitor.submit("/billing", "/billing", act="end", label="archive").headers["Location"] == "/billing"
    )
    assert visitor.get("/s/notes/archive").status_code == 403


@pytest.mark.parametrize(("label", "location"), [("gold", "/billing"), ("", "/billing")])
def test_only_what_is_offered_can_be_had(visitor: Visitor, label: str, location: str) -> None:
    """And only by somebody who is logged in, with the token of the page."""
    assert visitor.get("/billing").headers["Location"] == "/login?next=/billing"
    log_in(visitor, "vera")
    assert visitor.submit("/billing", "/billing", label=label).headers["Location"] == location
    assert visitor.post("/billing", data={"label": "archive"}).status_code == 403
    assert visitor.get("/s/notes/archive").status_code == 403


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil", '"><script>', ""])
def test_the_login_leads_nowhere_else(visitor: Visitor, target: str) -> None:
    """And shows nothing of it as markup."""
    page = visitor.get("/login", query_string={"next": target}).text
    assert "evil" not in page
    assert "<script>" not in page
    assert log_in(visitor, "vera", next=target).headers["Location"] == "/"


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [("/login", "next=%FF", 200), ("/\xff", "", 404), ("/s/polls/\xff", "%FE", 404)],
)
def test_what_is_no_text_is_no_error(visitor: Visitor, path: str, query: str, status: int) -> None:
    """Bytes that are not UTF-8, in path and query."""
    environ = {"PATH_INFO": path, "QUERY_STRING": query}  # the client would make UTF-8 of them
    assert visitor.get("/", environ_overrides=environ).status_code == status


def test_log_out(visitor: Visitor) -> None:
    """From a page of a service as well as from one of the site."""
    for page in ("/s/polls/", "/"):
        log_in(visitor, "max")
        assert "Log out" in visitor.get(page).text
        assert visitor.submit(page, "/logout").headers["Location"] == "/"
        assert who(visitor, "polls").startswith("|")
        assert "Log out" not in visitor.get(page).text


def test_a_login_by_another_site_is_refused(visitor: Visitor) -> None:
    """Without the token, with the token of another visitor, with an Origin of its own."""
    other = Visitor(visitor.application)
    token = other.get("/login").text.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    visitor.get("/login")
    for given in ("", "x", token):
        answer = visitor.post("/login", data={"person": "3", "csrfmiddlewaretoken": given})
        assert answer.status_code == 403
    own = visitor.get("/login").text.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    data = {"person": "3", "csrfmiddlewaretoken": own}
    assert visitor.post("/login", data=data, headers={"Origin": "https://evil.example"}).status_code == 403
    assert who(visitor, "polls").startswith("|")
    assert visitor.post("/login", data=data).status_code == 303


@pytest.mark.parametrize("cookie", ["", "x", "e30.e30", "eyJpZCI6ICJhIiwgInVzZXIiOiAiMyJ9.AAAA"])
def test_a_cookie_that_is_not_ours_is_nobody(visitor: Visitor, cookie: str) -> None:
    """It is signed."""
    answer = visitor.get("/", headers={"Cookie": f"plugit-demo={cookie}"})
    assert answer.status_code == 200
    assert "You are a visitor" in answer.text


def test_a_login_has_a_new_cookie_that_scripts_cannot_read(visitor: Visitor) -> None:
    """Whoever planted the one before knows nothing."""
    before = visitor.get("/login").headers["Set-Cookie"]
    after = log_in(visitor, "vera").headers["Set-Cookie"]
    for cookie in (before, after):
        assert cookie.endswith("; Path=/; HttpOnly; SameSite=Lax")
    assert before.partition(".")[0] != after.partition(".")[0]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("POST", "/", 404), ("GET", "/logout", 404), ("HEAD", "/", 200)],
)
def test_other_requests(visitor: Visitor, method: str, path: str, status: int) -> None:
    """A page in the same layout, never an error."""
    assert visitor.open(path, method=method).status_code == status


def test_nobody_there_is_no_login(visitor: Visitor) -> None:
    """A person who does not exist."""
    answer = visitor.submit("/login", "/login", person="99")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login")


def test_the_examples_are_found_in_a_checkout() -> None:
    """And what is not there is not."""
    assert find_example("polls") == ROOT / "examples" / "polls"
    assert find_example("nothing") is None
