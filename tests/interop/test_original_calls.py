"""Protocol section 1: the calls on a service of the original, made by our host."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from plugit_wsgi import PlugItMiddleware
from plugit_wsgi.cache.memory import MemoryCache
from plugit_wsgi.circuits import Circuits
from plugit_wsgi.cli.dev import create_app
from plugit_wsgi.client import ServiceClient
from plugit_wsgi.clock import Deadline, SystemClock
from plugit_wsgi.config import Limits, Service
from plugit_wsgi.exchanges import Exchanges
from plugit_wsgi.flight import Chairs, Flights
from plugit_wsgi.guard import HostPlaces
from plugit_wsgi.loading import Engines, make_transport
from plugit_wsgi.spare import SpareThreads
from plugit_wsgi.turns import Line, Turns
from plugit_wsgi.wire.keys import load_secrets, service_keys
from tests.interop.processes import HERE, Process
from tests.interop.visitor import Visitor

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

Browse = Callable[..., Visitor]


def paths(service: Process) -> list[str]:
    """What the service was asked, in order."""
    return [call.path for call in service.calls()]


def test_a_page_needs_meta_action_and_template(visitor: Visitor, original_service: Process) -> None:
    """Meta comes first: nothing is called before the rules are known."""
    assert visitor.get("/form/").status == 200
    asked = paths(original_service)
    assert asked[0] == "/meta/form/"
    assert sorted(asked[1:]) == ["/action/form/", "/template/form/"]


def test_meta_is_asked_once_in_its_lifetime(visitor: Visitor, original_service: Process) -> None:
    """The service's `Expire` header and `max-age` say five minutes."""
    for _ in range(3):
        assert visitor.get("/form/").status == 200
    assert paths(original_service).count("/meta/form/") == 1


def test_a_template_is_asked_once_for_its_tag(visitor: Visitor, original_service: Process) -> None:
    """The tag is the checksum of the file: the same tag is the same text."""
    for _ in range(3):
        assert visitor.get("/form/").status == 200
    assert paths(original_service).count("/template/form/") == 1
    assert paths(original_service).count("/action/form/") == 3


def test_an_unknown_action_is_not_found(visitor: Visitor, original_service: Process) -> None:
    """A 404 of meta is the visitor's 404; no action is called."""
    assert visitor.get("/nothing/here").status == 404
    assert set(paths(original_service)) == {"/meta/nothing/here"}


def test_a_page_without_template_is_the_services_fault(visitor: Visitor) -> None:
    """An action with an empty tag that gives neither JSON, XML nor a file can not be shown."""
    assert visitor.get("/no-template-at-all/").status == 502


def test_json_is_parsed_whatever_its_content_type(visitor: Visitor) -> None:
    """Real services answer JSON as text/html."""
    assert visitor.get("/answer/html").status == 200


def test_media_are_fetched(visitor: Visitor, original_service: Process) -> None:
    """A file comes with its type; names outside ASCII too."""
    answer = visitor.get("/media/note.txt")
    assert (answer.status, answer.text) == (200, "Eine Notiz: größer als ASCII.\n")
    assert (answer.header("Content-Type") or "").startswith("text/plain")
    assert visitor.get("/media/deep/zwei%20w%C3%B6rter.txt").text == "deep\n"
    assert paths(original_service) == ["/media/note.txt", "/media/deep/zwei%20w%C3%B6rter.txt"]


def test_a_missing_medium_is_not_found(visitor: Visitor) -> None:
    """The service's 404 stays one."""
    assert visitor.get("/media/none.txt").status == 404


def test_a_slash_redirect_is_entered_once_at_the_new_path(
    visitor: Visitor, original_service: Process
) -> None:
    """Flask answers `meta/slash` with a redirect to `meta/slash/`; the page is shown all the same."""
    assert visitor.get("/slash").status == 200
    asked = paths(original_service)
    assert asked[:2] == ["/meta/slash", "/meta/slash/"]
    assert "/action/slash/" in asked
    assert "/action/slash" not in asked


def test_after_a_slash_redirect_the_rules_of_the_new_path_hold(
    browse: Browse, original_service: Process
) -> None:
    """What is called is what was checked."""
    assert browse("ano").get("/slash-member").status == 403
    assert not original_service.calls("/action/")
    assert browse("mem").get("/slash-member").status == 200


def test_a_form_that_meets_a_slash_redirect_is_not_sent_again(
    visitor: Visitor, original_service: Process
) -> None:
    """An unsafe method goes back to the visitor, who is sent to the right address."""
    answer = visitor.post("/slash", [("csrfmiddlewaretoken", visitor.token()), ("a", "1")])
    assert answer.status == 303
    assert (answer.header("Location") or "").endswith(visitor.mount + "/slash/")
    assert not [call for call in original_service.calls("/action/") if call.method == "POST"]


@pytest.mark.parametrize("code", [301, 302, 307, 308])
def test_an_action_may_redirect_to_another_of_its_own(
    visitor: Visitor, original_service: Process, code: int
) -> None:
    """A GET re-enters at the new path, with that path's own meta."""
    answer = visitor.get(f"/moved/{code}")
    assert answer.json()["path"] == "/action/echo/"
    assert "/meta/echo/" in paths(original_service)


@pytest.mark.parametrize(("code", "seen"), [(301, 303), (302, 303), (307, 307), (308, 308)])
def test_an_unsafe_action_that_redirects_sends_the_visitor(visitor: Visitor, code: int, seen: int) -> None:
    """307 and 308 keep the method, the others become 303."""
    answer = visitor.post(f"/moved/{code}", [("csrfmiddlewaretoken", visitor.token())])
    assert answer.status == seen
    assert (answer.header("Location") or "").endswith(visitor.mount + "/echo/")


@pytest.mark.parametrize("path", ["/moved-away", "/moved-up"])
def test_a_redirect_out_of_the_actions_is_not_followed(
    visitor: Visitor, original_service: Process, path: str
) -> None:
    """Neither to another address nor to another part of the service."""
    assert visitor.get(path).status == 502
    assert "/version" not in paths(original_service)


# -- Calls that no page needs


@pytest.fixture
def client(original_service: Process) -> Iterator[ServiceClient]:
    """Our client of the service, apart from any page."""
    clock, limits = SystemClock(), Limits()
    service = Service("app", original_service.url + "/")
    places = HostPlaces(8, limits, clock)
    exchanges = Exchanges(
        service,
        limits=limits,
        transport=make_transport(service, limits, clock, 8),
        places=places.for_calls(limits),
        streams=places.for_streams(limits),
        circuits=Circuits(clock, lambda what, state, seconds: None),
        observe=lambda event: None,
    )
    client = ServiceClient(
        service,
        keys=service_keys(load_secrets("a secret of the tests, long enough."), "app"),
        limits=limits,
        exchanges=exchanges,
        engines=Engines(limits),
        cache=MemoryCache(limits.cache_size, clock),
        templates=MemoryCache(limits.cache_size, clock),
        turns=Turns(Line(8)),
        flights=Flights(Chairs(1)),
        spare=SpareThreads(0),
        clock=clock,
    )
    yield client
    client.close()


def soon() -> Deadline:
    """In two seconds."""
    return Deadline.after(2.0, SystemClock())


def test_ping_is_repeated(client: ServiceClient, original_service: Process) -> None:
    """Whatever is in it; and the slash at the end of the base URL is not doubled."""
    assert client.ping("Größe & 1=2?", soon())
    assert original_service.only_call("/").path == "/ping"


def test_version_has_any_name(client: ServiceClient) -> None:
    """The samples say "plugit-sample", the original proxy wanted another: no reason to refuse."""
    assert client.version(soon()) == {"result": "Ok", "version": "1", "protocol": "plugit-sample"}


def test_mail_is_taken_or_not(client: ServiceClient, visitor: Visitor, original_service: Process) -> None:
    """The service's callback decides."""
    assert client.mail("abc:1", "Liebe Grüße\r\n=&+", soon())
    assert not client.mail("refuse-me", "x", soon())
    assert [call.method for call in original_service.calls("/mail")] == ["POST", "POST"]
    assert visitor.get("/mails/").json()["mails"][-2:] == [
        ["abc:1", "Liebe Grüße\r\n=&+"],
        ["refuse-me", "x"],
    ]


# -- Other set-ups of a service


def test_meta_is_asked_again_after_its_lifetime(
    serve: Callable[..., str], original_service: Process, nothing_else: WSGIApplication
) -> None:
    """Five minutes later by the host's clock; not before their last tenth, in which it is renewed."""
    clock = LateClock()
    service = Service("app", original_service.url)
    visitor = Visitor(serve(PlugItMiddleware(nothing_else, [service], "k" * 32, clock=clock)), "/s/app")
    for late, asked in ((0, 1), (260, 1), (301, 2)):
        clock.late = late
        assert visitor.get("/plain/").status == 200
        assert len(original_service.calls("/meta/plain/")) == asked


class LateClock(SystemClock):
    """The system's clock, moved. Used by one thread at a time."""

    late = 0.0

    def time(self) -> float:
        """Unix time in seconds."""
        return super().time() + self.late

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return super().monotonic() + self.late


def test_a_service_below_a_path(start_original: Callable[..., Process], serve: Callable[..., str]) -> None:
    """Every call, slash redirects too, stays below the base URL."""
    service = start_original("original_service", SERVICE_BASE_URL="/below/here/")
    visitor = Visitor(serve(create_app(service.url + "/below/here", mount="/s/app")), "/s/app")
    assert visitor.get("/slash").status == 200
    assert visitor.get("/media/note.txt").status == 200
    assert visitor.get("/../version").status in (400, 404)
    assert all(path.startswith("/below/here/") for path in paths(service))


def test_an_author_sees_a_changed_template_at_once(
    python27: Path, serve: Callable[..., str], tmp_path: Path
) -> None:
    """With DEBUG the meta is never kept, and a new tag means a new template."""
    for folder in ("original_common", "original_service"):
        shutil.copytree(HERE / folder, tmp_path / folder)
    command = [str(python27), str(tmp_path / "original_service" / "server.py")]
    service = Process(command, tmp_path, "debug", {"SERVICE_DEBUG": "1"})
    try:
        visitor = Visitor(serve(create_app(service.url, mount="/s/app")), "/s/app")
        assert visitor.get("/plain/").element("shown") == "shown to nobody"
        template = tmp_path / "original_service" / "templates" / "plain.html"
        template.write_text(template.read_text().replace("shown to", "now shown to"))
        assert visitor.get("/plain/").element("shown") == "now shown to nobody"
    finally:
        service.stop()


def test_a_service_that_is_down_is_a_bad_gateway(serve: Callable[..., str]) -> None:
    """With the original it was "not found"."""
    visitor = Visitor(serve(create_app("http://127.0.0.1:9", mount="/s/app")), "/s/app")
    answer = visitor.get("/plain/")
    assert answer.status == 502
    assert "<title>" in answer.text
