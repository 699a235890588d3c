"""ServiceClient: what is asked, what is kept and for how long, and how it fails."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from plugit_wsgi.cache.memory import MemoryCache
from plugit_wsgi.circuits import Circuits
from plugit_wsgi.client import ActionCall, ServiceClient
from plugit_wsgi.clock import Deadline
from plugit_wsgi.config import Limits, Service
from plugit_wsgi.errors import (
    ActionNotFound,
    ServiceBusy,
    ServiceError,
    ServiceFailed,
    ServiceTimeout,
    ServiceUnreachable,
    TemplateError,
    WireError,
)
from plugit_wsgi.events import Event, ServiceCalled
from plugit_wsgi.exchanges import SMALL, Exchanges
from plugit_wsgi.flight import Chairs, Flights
from plugit_wsgi.guard import Places
from plugit_wsgi.interfaces import CompiledTemplate
from plugit_wsgi.spare import SpareThreads
from plugit_wsgi.testing.clock import FakeClock
from plugit_wsgi.testing.fake_service import Call, FakeService, Reply
from plugit_wsgi.testing.transport import InProcessTransport
from plugit_wsgi.turns import Line, Turns
from plugit_wsgi.wire.context import digest, verify
from plugit_wsgi.wire.keys import load_secrets, service_keys
from plugit_wsgi.wire.meta import ActionMeta
from plugit_wsgi.wire.result import Data, File, Moved, SessionWrites, Status

LIMITS = Limits(meta_size=1000, template_size=1000)
META = ActionMeta(template_tag="t")
KEYS = service_keys(load_secrets("a secret of the tests, long enough."), "x")


class Compiled:
    """A template that is nothing."""

    def render(self, data: Any, facts: Any) -> Any:
        """Never called here."""


class Engine:
    """Counts what it compiles."""

    def __init__(self) -> None:
        self.compiled: list[tuple[str, str, str]] = []

    def compile(
        self, source: str, *, template_tag: str, menu_action: str, pace: object = None
    ) -> CompiledTemplate:
        """See `TemplateEngine.compile`."""
        self.compiled.append((source, template_tag, menu_action))
        if source == "broken":
            raise TemplateError("broken", template_tag=template_tag, line=1)
        return Compiled()


class World:
    """A client, and everything around it."""

    def __init__(self) -> None:
        self.service = FakeService()
        self.clock = FakeClock()
        self.down: Exception | None = None
        self.transport = InProcessTransport(self._app)
        self.places = Places(2, waiters=0, wait=0, clock=self.clock)
        self.streams = Places(1, waiters=0, wait=0, clock=self.clock)
        self.engine = Engine()
        self.events: list[Event] = []
        self.client = self.make()

    def make(self, name: str = "x") -> ServiceClient:
        """A client; several share what can be shared."""
        if not hasattr(self, "cache"):
            self.cache, self.templates = (MemoryCache(10**6, self.clock) for _ in range(2))
        service = Service(name, "http://service.example", allow_http=True)
        self.circuits = Circuits(self.clock, lambda what, state, seconds: None)
        exchanges = Exchanges(
            service,
            limits=LIMITS,
            transport=self,
            places=self.places,
            streams=self.streams,
            circuits=self.circuits,
            observe=self.events.append,
        )
        return ServiceClient(
            service,
            keys=KEYS,
            limits=LIMITS,
            exchanges=exchanges,
            engines=lambda _language: self.engine,
            cache=self.cache,
            templates=self.templates,
            turns=Turns(Line(8)),
            flights=Flights(Chairs(1)),
            spare=SpareThreads(0),
            clock=self.clock,
        )

    def _app(self, environ: Any, start_response: Any) -> Any:
        return self.service(environ, start_response)

    def send(self, request: Any) -> Any:
        """See `Transport.send`: unless the service is down."""
        if self.down is not None:
            raise self.down
        return self.transport.send(request)

    def close(self) -> None:
        """See `Transport.close`."""
        self.transport.close()

    @property
    def deadline(self) -> Deadline:
        """Of a page."""
        return Deadline.after(5.0, self.clock)

    def meta(self, *headers: tuple[str, str], path: str = "/a", **meta: Any) -> None:
        """What the service says about an action."""
        self.service.answer(f"/meta{path}", Reply(body={"template_tag": "t", **meta}, headers=headers))

    def asked(self, prefix: str) -> int:
        """How often."""
        return len(self.service.called(prefix))

    def call(self, method: str = "GET", **more: Any) -> ActionCall:
        """A call of the action /a."""
        return ActionCall(
            method=method,
            target="action/a",
            headers=(("X-A", "b"),),
            action="/a",
            request_id="id1",
            public_url="http://host.example/s/x",
            **more,
        )


@pytest.fixture
def world() -> Iterator[World]:
    found = World()
    yield found
    assert found.transport.open == 0, "an answer was not closed"
    assert found.places.taken == 0
    assert found.streams.taken == 0


# Meta ----------------------------------------------------------------------------------


def test_meta_is_kept_for_its_lifetime(world: World) -> None:
    """And not a moment longer, nor on another path."""
    world.meta(("Cache-Control", "max-age=60"))
    world.meta(path="/a/")
    for _ in range(3):
        assert world.client.meta("/a", world.deadline) == META
    world.clock.advance(59.9)
    assert world.client.meta("/a", world.deadline) == META
    assert world.asked("/meta/a") == 1
    world.client.meta("/a/", world.deadline)
    assert world.asked("/meta/a/") == 1
    world.clock.advance(0.1)
    world.meta(only_admin_user=True)
    assert world.client.meta("/a", world.deadline) == ActionMeta(template_tag="t", only_admin_user=True)


def test_meta_without_a_lifetime_is_kept_for_300_seconds(world: World) -> None:
    """The original's default."""
    world.meta()
    world.client.meta("/a", world.deadline)
    world.clock.advance(299)
    world.client.meta("/a", world.deadline)
    assert world.asked("/meta") == 1
    world.clock.advance(1)
    world.client.meta("/a", world.deadline)
    assert world.asked("/meta") == 2


def test_meta_of_another_service_is_another(world: World) -> None:
    """One cache, several services."""
    world.meta()
    world.client.meta("/a", world.deadline)
    world.make("y").meta("/a", world.deadline)
    assert world.asked("/meta") == 2


@pytest.mark.parametrize("error", [ServiceUnreachable("down"), ServiceTimeout("slow")])
def test_last_good_meta_serves_while_the_service_cannot_be_reached(world: World, error: ServiceError) -> None:
    """At most 10 minutes after it ran out."""
    world.meta(only_member_user=True)
    known = world.client.meta("/a", world.deadline)
    world.down = error
    world.clock.advance(300 + 599)
    assert world.client.meta("/a", world.deadline) == known
    world.clock.advance(2)
    with pytest.raises(type(error)):
        world.client.meta("/a", world.deadline)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(body="not json"), WireError),
        (Reply(body={"template_tag": "t", "only_admin_user": "yes"}), WireError),
        (Reply(body={"template_tag": "t", "only_new": True}), WireError),
        (Reply(body={}), WireError),
        (Reply(body={"template_tag": "t" * 2000}), WireError),
        (Reply(status=404, body=""), ActionNotFound),
        (Reply(status=500, body=""), ServiceFailed),
        (Reply(status=403, body=""), ServiceFailed),
        (Reply(status=204, body=""), ServiceFailed),
        (Reply(status=302, headers=(("Location", "http://evil.example/meta/a"),), body=""), ServiceFailed),
    ],
)
def test_an_answer_that_came_and_is_wrong_never_falls_back(
    world: World, reply: Reply, error: type[Exception]
) -> None:
    """Not to an older rule, and not to no rule."""
    world.meta(only_admin_user=True)
    world.client.meta("/a", world.deadline)
    world.clock.advance(301)
    world.service.answer("/meta/a", reply)
    with pytest.raises(error):
        world.client.meta("/a", world.deadline)


def test_a_wrong_meta_ends_the_good_one(world: World) -> None:
    """It came later: once the service is down again, its older rule is nobody's to fall back to."""
    world.meta(only_admin_user=True)
    world.client.meta("/a", world.deadline)
    world.clock.advance(301)
    world.service.answer("/meta/a", Reply(body="nonsense"))
    with pytest.raises(WireError):
        world.client.meta("/a", world.deadline)
    world.clock.advance(7)  # what was wrong is asked for again only after a while
    world.down = ServiceUnreachable("down")
    with pytest.raises(ServiceUnreachable):
        world.client.meta("/a", world.deadline)


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_gateway_that_answers_for_the_service_says_nothing_of_its_rules(world: World, status: int) -> None:
    """As if nobody had answered: the last good one serves."""
    world.meta(only_admin_user=True)
    known = world.client.meta("/a", world.deadline)
    world.clock.advance(301)
    world.service.answer("/meta/a", Reply(status=status, body=""))
    assert world.client.meta("/a", world.deadline) == known


def test_a_wrong_meta_is_asked_for_once_in_five_seconds(world: World) -> None:
    """To ask at each visit would help nobody; what was wrong is refused meanwhile."""
    world.service.answer("/meta/a", Reply(body="nonsense"))
    for _ in range(5):
        with pytest.raises(WireError, match="not JSON"):
            world.client.meta("/a", world.deadline)
    assert len(world.service.called("/meta")) == 1
    world.meta(only_admin_user=True)
    world.clock.advance(7)
    assert isinstance(world.client.meta("/a", world.deadline), ActionMeta)


def test_without_a_meta_a_service_that_is_down_is_down(world: World) -> None:
    """With its name and the action's."""
    world.down = ServiceUnreachable("down")
    with pytest.raises(ServiceUnreachable) as caught:
        world.client.meta("/a", world.deadline)
    assert (caught.value.service, caught.value.action) == ("x", "/a")


@pytest.mark.parametrize(
    ("location", "target"), [("/meta/a/", "action/a/"), ("http://service.example/meta/b?c=d", "action/b?c=d")]
)
def test_meta_that_is_elsewhere(world: World, location: str, target: str) -> None:
    """A slash redirect is a value: the page begins anew there. It is not kept."""
    world.service.answer("/meta/a", Reply(status=308, headers=(("Location", location),), body=""))
    for _ in range(2):
        assert world.client.meta("/a", world.deadline) == Moved(status=308, target=target)
    assert world.asked("/meta/a") == 2


@pytest.mark.parametrize("location", ["/a/", "/template/a", "/meta", "//evil/meta/a", "/meta/../a", ""])
def test_meta_that_is_redirected_out_of_the_metas(world: World, location: str) -> None:
    """Refused."""
    world.service.answer("/meta/a", Reply(status=301, headers=(("Location", location),), body=""))
    with pytest.raises(ServiceFailed):
        world.client.meta("/a", world.deadline)


def test_meta_has_two_seconds_of_the_page(world: World) -> None:
    """And less, if the page has less; connecting has half a second."""
    world.meta()
    world.client.meta("/a", world.deadline)
    sent = world.transport.sent[0]
    assert sent.deadline.remaining() == 2.0
    assert sent.connect_timeout == 0.5
    world.clock.advance(400)
    world.client.meta("/a", Deadline.after(0.7, world.clock), "id2")
    sent = world.transport.sent[1]
    assert round(sent.deadline.remaining(), 3) == 0.7
    assert dict(sent.headers) == {
        "X-Plugit-Protocol": "1; ext=fallback,only_subscription,template_language",
        "X-Plugit-Deadline-Ms": "700",
        "X-Request-ID": "id2",
    }


# Templates -----------------------------------------------------------------------------


def test_template_is_fetched_once_for_each_tag(world: World) -> None:
    """And action."""
    world.service.answer("/template/a", Reply(body="one"))
    first = world.client.template("/a", META, world.deadline)
    assert world.client.template("/a", META, world.deadline) is first
    assert world.asked("/template") == 1
    world.service.answer("/template/a", Reply(body="two"))
    other = world.client.template("/a", ActionMeta(template_tag="u"), world.deadline)
    assert other is not first
    assert world.engine.compiled == [("one", "t", "menubar"), ("two", "u", "menubar")]


def test_template_is_compiled_once_for_each_text(world: World) -> None:
    """Many actions with parameters share one; another service's does not."""
    for path in ("/show/1", "/show/2"):
        world.service.answer(f"/template{path}", Reply(body="same"))
    found = [world.client.template(path, META, world.deadline) for path in ("/show/1", "/show/2")]
    assert found[0] is found[1]
    assert (world.asked("/template"), len(world.engine.compiled)) == (2, 1)
    assert world.make("y").template("/show/1", META, world.deadline) is not found[0]


@pytest.mark.parametrize(
    ("meta", "reply", "error"),
    [
        (ActionMeta(), Reply(body="x"), TemplateError),
        (META, Reply(status=404, body=""), TemplateError),
        (META, Reply(body=b"\xff\xfe"), TemplateError),
        (META, Reply(body="broken"), TemplateError),
        (META, Reply(status=500, body=""), ServiceFailed),
        (META, Reply(status=302, headers=(("Location", "/template/b"),), body=""), ServiceFailed),
        (META, Reply(status=302, headers=(("Location", "/template/a"),), body=""), ServiceFailed),
        (META, Reply(status=302, headers=(("Location", "/meta/a"),), body=""), ServiceFailed),
        (META, Reply(status=302, headers=(("Location", "http://evil.example/a"),), body=""), ServiceFailed),
        (META, Reply(body="x" * 1001), WireError),
    ],
)
def test_templates_that_cannot_be_had(world: World, meta: ActionMeta, reply: Reply, error: Any) -> None:
    """Each by whose fault it is."""
    world.service.answer("/template/a", reply)
    with pytest.raises(error) as caught:
        world.client.template("/a", meta, world.deadline)
    if isinstance(caught.value, TemplateError):
        assert caught.value.template_tag == meta.template_tag


def test_template_may_move_by_its_slash(world: World) -> None:
    """Once, as a framework of the service does; nowhere else."""
    world.service.answer("/template/a", Reply(status=308, headers=(("Location", "/template/a/"),), body=""))
    world.service.answer("/template/a/", Reply(body="moved"))
    world.client.template("/a", META, world.deadline)
    assert world.engine.compiled == [("moved", "t", "menubar")]


@pytest.mark.parametrize("encoding", ["gzip", "br", "GZIP", "identity, gzip", "x"])
def test_encoded_bodies_are_refused(world: World, encoding: str) -> None:
    """Identity was asked for; a small body may unpack to gigabytes."""
    world.service.answer("/action/a", Reply(body=b"{}", headers=(("Content-Encoding", encoding),)))
    with pytest.raises(WireError) as caught:
        world.client.action(world.call(), world.deadline)
    assert caught.value.field == "Content-Encoding"
    world.service.answer("/action/a", Reply(body=b"{}", headers=(("Content-Encoding", "Identity"),)))
    assert isinstance(world.client.action(world.call(), world.deadline), Data)


def test_an_encoding_of_no_body_is_none(world: World) -> None:
    """HEAD tells of the body that a GET would have."""
    world.service.answer("/action/a", Reply(body=b"{}", headers=(("Content-Encoding", "gzip"),)))
    assert isinstance(world.client.action(world.call("HEAD"), world.deadline), Status)
    world.service.answer("/action/a", Reply(status=304, headers=(("Content-Encoding", "gzip"),)))
    assert isinstance(world.client.action(world.call(), world.deadline), Status)


def test_a_service_that_switches_protocols_is_501() -> None:
    """WSGI cannot carry it; any other status that is none is 502."""
    for status, shown in (("101", 501), ("999", 502)):
        world = World()
        world.down = WireError("a status that no answer has", field="status", received=status)
        with pytest.raises(WireError) as caught:
            world.client.action(world.call(), world.deadline)
        assert caught.value.status == shown


# Actions and media ---------------------------------------------------------------------


def test_action(world: World) -> None:
    """Headers, body and what the host adds arrive; the answer is read."""
    world.service.answer("/action/a", Reply(body={"k": 1}))
    call = world.call("POST", body=io.BytesIO(b"hello"), length=5)
    assert world.client.action(call, world.deadline) == Data(value={"k": 1}, raw=b'{"k": 1}')
    (got,) = world.service.calls
    assert (got.method, got.target, got.body) == ("POST", "/action/a", b"hello")
    assert (got.headers["x-a"], got.headers["x-plugit-deadline-ms"]) == ("b", "5000")
    assert got.headers["x-request-id"] == "id1"
    assert got.headers["x-plugit-protocol"] == "1; ext=fallback,only_subscription,template_language"


ITS_A_FILE = (("EbuIo-PlugIt-ItAFile", "1"), ("ETag", "e"), ("EbuIo-PlugIt-SetSession-a", "1"))


@pytest.mark.parametrize("size", [0, 10, SMALL])
def test_a_small_file_is_in_memory(world: World, size: int) -> None:
    """Its connection is free at once, and it needs no place among the streams."""
    world.service.answer("/action/a", Reply(body=b"x" * size, headers=ITS_A_FILE, content_type="a/b"))
    found = world.client.action(world.call(), world.deadline)
    assert isinstance(found, File)
    assert world.transport.open == 0
    assert b"".join(found.body) == b"x" * size
    assert found.writes == SessionWrites(stored=(("a", "1"),))
    assert dict(found.headers) == {"ETag": "e", "Content-Type": "a/b", "Content-Length": str(size)}


def test_a_large_file_is_a_stream(world: World) -> None:
    """With a place among the streams until it is closed, and none among the pages; closed once."""
    world.service.answer("/action/a", Reply(body=b"x" * (SMALL + 1), headers=ITS_A_FILE))
    found: Any = world.client.action(world.call(), world.deadline)
    assert (world.places.taken, world.streams.taken, world.transport.open) == (0, 1, 1)
    with pytest.raises(ServiceBusy) as caught:
        world.client.action(world.call(), world.deadline)
    assert (caught.value.service, caught.value.action) == ("x", "/a")
    world.clock.advance(100)
    assert sum(map(len, found.body)) == SMALL + 1
    found.body.close()
    found.body.close()
    assert (world.streams.taken, world.transport.open) == (0, 0)


@pytest.mark.parametrize("read", [0, 1])
def test_a_stream_that_is_left_early_is_closed(world: World, read: int) -> None:
    """A visitor who hangs up: place and connection are free again."""
    world.service.answer("/action/a", Reply(body=b"x" * (SMALL + 1), headers=ITS_A_FILE))
    found: Any = world.client.action(world.call(), world.deadline)
    pieces = iter(found.body)
    for _ in range(read):
        assert next(pieces)
    found.body.close()
    assert (world.streams.taken, world.transport.open) == (0, 0)


def test_a_file_of_unknown_length_is_a_stream(world: World) -> None:
    """Nobody knows how long it will take."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("EbuIo-PlugIt-ItAFile", "1")])
        return [b"a", b"b"]

    world.transport = InProcessTransport(app)
    found: Any = world.client.action(world.call(), world.deadline)
    assert world.streams.taken == 1
    assert list(found.body)[-1] == b"b"
    found.body.close()


def test_head_of_a_file_is_no_stream(world: World) -> None:
    """There is no body."""
    world.service.answer("/action/a", Reply(body=b"x" * (SMALL + 1), headers=ITS_A_FILE))
    found = world.client.action(world.call("HEAD"), world.deadline)
    assert isinstance(found, File)
    assert list(found.body) == []
    assert world.client.exchanges.streams.taken == 0


@pytest.mark.parametrize(
    "error", [ServiceUnreachable("a"), ServiceTimeout("b"), WireError("c"), ServiceBusy("d")]
)
def test_errors_carry_service_and_action(error: ServiceError) -> None:
    """Whoever raised them."""
    world = World()
    world.down = error
    calls: list[tuple[Callable[[], Any], str]] = [
        (lambda: world.client.action(world.call(), world.deadline), "/a"),
        (lambda: world.client.template("/b", META, world.deadline), "/b"),
        (lambda: world.client.media("/c.png", "", (), "GET", world.deadline), "/c.png"),
        (lambda: world.client.ping("x", world.deadline), "ping"),
        (lambda: world.client.version(world.deadline), "version"),
        (lambda: world.client.mail("1", "x", world.deadline), "mail"),
    ]
    for call, action in calls:
        world.clock.advance(10)  # a breaker that has opened lets one through again
        with pytest.raises(type(error)) as caught:
            call()
        assert (caught.value.service, caught.value.action) == ("x", action)


def test_no_place_no_call(world: World) -> None:
    """Refused before anything is sent, and given back after an error."""
    taken = [world.places.take() for _ in range(2)]
    with pytest.raises(ServiceBusy) as caught:
        world.client.action(world.call(), world.deadline)
    assert caught.value.service == "x"
    assert world.transport.sent == []
    for since in taken:
        world.places.give_back(since)
    world.down = ServiceTimeout("slow")
    for _ in range(5):
        with pytest.raises(ServiceTimeout):
            world.client.action(world.call(), world.deadline)


@pytest.mark.parametrize(
    ("method", "reply", "kind"),
    [
        ("GET", Reply(body=b"x", content_type="image/png"), File),
        ("GET", Reply(status=206, body=b"x", headers=(("Content-Range", "bytes 0-0/9"),)), File),
        ("GET", Reply(status=304, headers=(("ETag", "e"),)), Status),
        ("GET", Reply(status=416, body=b"no"), Status),
        ("HEAD", Reply(body=b"x"), File),
    ],
)
def test_media(world: World, method: str, reply: Reply, kind: type) -> None:
    """A file, or the answer to a condition or a range; the visitor's headers go along."""
    world.service.answer("/media/a%20b.png", reply)
    found = world.client.media("/a%20b.png", "v=1", (("Range", "bytes=0-0"),), method, world.deadline, "id3")
    assert type(found) is kind
    assert found.status == reply.status
    (call,) = world.service.calls
    assert (call.target, call.headers["range"], call.headers["x-request-id"]) == (
        "/media/a%20b.png?v=1",
        "bytes=0-0",
        "id3",
    )
    if isinstance(found, File):
        assert b"".join(found.body) == (b"x" if method == "GET" else b"")


def test_a_304_says_nothing_about_how_a_file_is_shown(world: World) -> None:
    """A browser has that from when it got the file: the service's own word may not replace ours."""
    said = (("ETag", "e"), ("Content-Disposition", "inline"), ("Content-Type", "text/html"))
    world.service.answer("/media/a", Reply(status=304, headers=said))
    assert world.client.media("/a", "", (), "GET", world.deadline).headers == (("ETag", "e"),)


def test_media_may_move_below_the_media(world: World) -> None:
    """Once."""
    world.service.answer("/media/a", Reply(status=302, headers=(("Location", "/media/b"),), body=""))
    world.service.answer("/media/b", Reply(body=b"b"))
    found: Any = world.client.media("/a", "", (), "GET", world.deadline)
    assert b"".join(found.body) == b"b"
    world.service.answer("/media/b", Reply(status=302, headers=(("Location", "/media/a"),), body=""))
    with pytest.raises(ServiceFailed, match="loop"):
        world.client.media("/a", "", (), "GET", world.deadline)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, ActionNotFound),
        (403, ActionNotFound),
        (302, ServiceFailed),
        (500, ServiceFailed),
        (503, ServiceFailed),
    ],
)
def test_media_that_is_not_there(world: World, status: int, error: type[Exception]) -> None:
    """A 4xx is a 404, everything else the service's fault."""
    world.service.answer("/media/a", Reply(status=status, body=""))
    with pytest.raises(error):
        world.client.media("/a", "", (), "GET", world.deadline)


# The rest ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "alive"), [({"data": "hello ä&"}, True), ({"data": "other"}, False), ({}, False)]
)
def test_ping(world: World, body: dict[str, str], alive: bool) -> None:
    """It repeats what it was told."""
    world.service.answer("/ping", Reply(body=body))
    assert world.client.ping("hello ä&", world.deadline) is alive
    assert world.service.calls[0].target == "/ping?data=hello%20%C3%A4%26"


@pytest.mark.parametrize("version", ["1", 1])
def test_version(world: World, version: object) -> None:
    """Its name is free: reported, never refused."""
    said = {"result": "Ok", "version": version, "protocol": "plugit-sample"}
    world.service.answer("/version", Reply(body=said))
    assert world.client.version(world.deadline) == said


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body={"result": "Ok", "version": "2", "protocol": "x"}),
        Reply(body={"version": "1"}),
        Reply(body=[1]),
        Reply(body="text"),
        Reply(status=404, body=""),
    ],
)
def test_another_version_is_refused(world: World, reply: Reply) -> None:
    """Or no version at all."""
    world.service.answer("/version", reply)
    with pytest.raises((WireError, ServiceFailed)):
        world.client.version(world.deadline)


@pytest.mark.parametrize(
    ("reply", "taken"),
    [
        (Reply(body={"result": "Ok"}), True),
        (Reply(body={"result": "ok"}), False),
        (Reply(body={}), False),
        (Reply(status=500, body={"result": "Ok"}), False),
        (Reply(status=404, body=""), False),
    ],
)
def test_mail(world: World, reply: Reply, taken: bool) -> None:
    """Accepted if, and only if, the result is "Ok"."""
    world.service.answer("/mail", reply)
    assert world.client.mail("4 2", "a&b=c\nä", world.deadline) is taken
    (call,) = world.service.calls
    assert call.body == b"response_id=4%202&message=a%26b%3Dc%0A%C3%A4"
    assert call.headers["content-type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(body={"result": "Ok"}), (200, b'{"result": "Ok"}')),
        (Reply(body="no JSON"), (200, b"no JSON")),
        (Reply(status=500, body="in line 7"), (500, b"in line 7")),
        (Reply(status=404, body=b""), (404, b"")),
    ],
)
def test_what_a_service_says_to_a_mail(world: World, reply: Reply, said: tuple[int, bytes]) -> None:
    """Its own words, whatever they are; of a long error, the beginning."""
    world.service.answer("/mail", reply)
    assert world.client.post_mail("42", "x", world.deadline) == said


def test_a_long_error_about_a_mail_is_not_read_to_its_end(world: World) -> None:
    """It is an answer, and no failure."""
    world.service.answer("/mail", Reply(status=500, body="x" * 1_000_000))
    status, body = world.client.post_mail("42", "x", world.deadline)
    assert (status, 0 < len(body) <= 64 * 1024) == (500, True)
    assert not world.client.mail("42", "x", world.deadline)


@pytest.mark.parametrize(
    ("more", "sent"),
    [
        ({}, (None, None)),
        ({"message_id": "<a@b>"}, ("<a@b>", None)),
        ({"message_id": "<a@b>", "is_repeat": True}, ("<a@b>", "1")),
    ],
)
def test_a_mail_is_named(world: World, more: dict[str, Any], sent: tuple[str | None, str | None]) -> None:
    """And marked, if the service may have it already."""
    world.service.answer("/mail", Reply(body={"result": "Ok"}))
    assert world.client.mail("42", "x", world.deadline, **more)
    headers = world.service.calls[0].headers
    assert (headers.get("x-plugit-message-id"), headers.get("x-plugit-repeat")) == sent


def test_a_mail_is_signed(world: World) -> None:
    """For exactly this call, with a new context for each try; it names no user."""
    world.service.answer("/mail", Reply(body={"result": "Ok"}))
    for _ in range(2):
        assert world.client.mail("42", "ä", world.deadline)
    found = [
        verify(
            call.headers["x-plugit-context"],
            KEYS,
            audience="x",
            method="POST",
            path="/mail",
            query=b"",
            body_digest=digest(b"response_id=42&message=%C3%A4"),
            now=world.clock.time(),
        )
        for call in world.service.calls
    ]
    assert [context.subject for context in found] == [None, None]
    assert found[0].token_id != found[1].token_id


def test_a_mail_that_is_refused_for_its_signature_is_told(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """As an action is: the service may have another key."""
    world.service.answer("/mail", Reply(status=401))
    assert not world.client.mail("42", "x", world.deadline)
    assert "event=key service=x status=401" in caplog.text


def test_every_call_is_observed(world: World) -> None:
    """Once, with what it was, how it ended, and how long it took."""
    world.meta()
    world.service.answer("/action/a", Reply(status=404, body=""))
    world.client.meta("/a", world.deadline, "id1")
    world.client.meta("/a", world.deadline, "id1")
    world.client.action(world.call("POST"), world.deadline)
    world.down = ServiceTimeout("slow")
    with pytest.raises(ServiceTimeout):
        world.client.ping("x", world.deadline)
    found = [event for event in world.events if isinstance(event, ServiceCalled)]
    facts = [(e.service, e.action, e.request_id, e.call, e.method, e.status, e.error) for e in found]
    assert facts == [
        ("x", "/a", "id1", "meta", "GET", 200, ""),
        ("x", "/a", "id1", "action", "POST", 404, ""),
        ("x", "ping", "", "ping", "GET", 0, "ServiceTimeout"),
    ]
    assert all(event.seconds >= 0 for event in found)


def test_a_refusal_is_observed_with_its_error(world: World) -> None:
    """The status is the service's."""
    world.service.answer("/meta/a", Reply(status=404, body=""))
    with pytest.raises(ActionNotFound):
        world.client.meta("/a", world.deadline)
    (event,) = world.events
    assert isinstance(event, ServiceCalled)
    assert (event.status, event.error) == (404, "ActionNotFound")


def test_close(world: World) -> None:
    """Gives the connections back."""
    world.client.close()
    assert world.transport.closed


def test_a_call_that_answers_late(world: World) -> None:
    """The deadline of a meta is over while the page's is not."""

    def late(call: Call) -> Reply:
        world.clock.advance(2.1)
        return Reply(body={"template_tag": "t"})

    world.service.answer("/meta/a", late)
    with pytest.raises(ServiceTimeout):
        world.client.meta("/a", world.deadline)
