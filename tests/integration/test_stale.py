"""Old pages: while one visitor looks for a newer one, and while the service cannot be asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from plugit_wsgi import Limits, Stores
from plugit_wsgi.cache.memory import MemoryCache
from plugit_wsgi.events import Event, FallbackServed, StaleServed
from plugit_wsgi.page import Page
from plugit_wsgi.testing.clock import FakeClock
from plugit_wsgi.testing.fake_service import Call, FakeService, Reply
from plugit_wsgi.turns import LONG
from tests.integration.conftest import Host, MakeHost
from tests.integration.test_rules import until

DOWN = Reply(status=503)
KEPT = (("Cache-Control", "max-age=300"),)


def layout(page: Page, request: Any) -> str:
    return f"{page.content}|stale={page.is_stale}"


class Numbered:
    """An action that says how often it was called, and can be broken."""

    def __init__(self) -> None:
        self.calls = 0
        self.reply: Reply | None = None
        self.gate: threading.Event | None = None

    def __call__(self, call: Call) -> Reply:
        self.calls += 1
        number = self.calls
        if self.gate is not None:
            self.gate.wait(5)
        return self.reply or Reply(body={"n": number})


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def stale_host(make_host: MakeHost, clock: FakeClock, events: list[Event]) -> Host:
    return make_host(clock=clock, layout=layout, observe=events.append)


@pytest.fixture
def numbered(service: FakeService) -> Numbered:
    action = Numbered()
    service.action("/a", meta={"cache_time": 60}, template="page {{ n }}", answer=action)
    return action


def test_while_the_service_cannot_be_asked_the_old_page_is_shown(
    stale_host: Host, service: FakeService, numbered: Numbered, clock: FakeClock, events: list[Event]
) -> None:
    """It says so, and an event tells its age; after ten minutes it is too old."""
    visitor = stale_host.visitor()
    assert visitor.get("/s/x/a").text == "page 1|stale=False"
    service.answer("/action/a", DOWN)
    clock.advance(61)
    assert visitor.get("/s/x/a").text == "page 1|stale=True"
    (event,) = [each for each in events if isinstance(each, StaleServed)]
    assert (event.action, round(event.age), event.cause) == ("/a", 61, "ServiceFailed")
    clock.advance(600)
    assert visitor.get("/s/x/a").status_code == 503


def test_a_failed_refresh_is_remembered_for_five_seconds(
    stale_host: Host, service: FakeService, numbered: Numbered, clock: FakeClock
) -> None:
    """Not every visitor tries again at once."""
    visitor = stale_host.visitor()
    visitor.get("/s/x/a")
    service.answer("/action/a", DOWN)
    clock.advance(61)
    for _ in range(5):
        assert visitor.get("/s/x/a").text == "page 1|stale=True"
    assert len(service.called("/action")) == 2
    clock.advance(7)
    service.answer("/action/a", numbered)
    assert visitor.get("/s/x/a").text == "page 2|stale=False"


@pytest.mark.parametrize("status", [404, 403, 500, 410])
def test_the_services_own_word_is_above_an_old_page(
    stale_host: Host, service: FakeService, numbered: Numbered, clock: FakeClock, status: int
) -> None:
    """What is gone, forbidden or wrong now is not shown from before."""
    visitor = stale_host.visitor()
    visitor.get("/s/x/a")
    service.answer("/action/a", Reply(status=status))
    clock.advance(61)
    assert visitor.get("/s/x/a").status_code == status


def test_rules_hold_for_old_pages(
    stale_host: Host, service: FakeService, numbered: Numbered, clock: FakeClock
) -> None:
    """Who may not see the page does not see the old one either; by the last rules that were known."""
    service.action(
        "/a",
        meta={"cache_time": 60, "only_member_user": True, "cache_by_user": False},
        template="{{ n }}",
        answer=numbered,
    )
    assert stale_host.visitor("max").get("/s/x/a").status_code == 200
    for path in ("/meta/a", "/action/a"):
        service.answer(path, DOWN)
    clock.advance(61)
    assert stale_host.visitor("max").get("/s/x/a").text == "1|stale=True"
    assert stale_host.visitor("anna").get("/s/x/a").status_code == 403
    assert stale_host.visitor().get("/s/x/a").status_code == 403


def test_meta_that_is_wrong_never_falls_back_to_an_older_rule(
    stale_host: Host, service: FakeService, numbered: Numbered, clock: FakeClock
) -> None:
    """And it is asked for once in five seconds, not at each visit."""
    visitor = stale_host.visitor()
    visitor.get("/s/x/a")
    service.answer("/meta/a", Reply(body='{"template_tag": "t", "only_new_rule": true}'))
    for _ in range(5):
        assert visitor.get("/s/x/a").status_code == 502
    assert len(service.called("/meta")) == 2
    clock.advance(7)
    service.answer("/meta/a", Reply(body={"template_tag": "t", "json_only": True}))
    assert visitor.get("/s/x/a").status_code == 200


def test_a_hot_page_that_expires_under_many_visitors_makes_one_call(
    stale_host: Host, service: FakeService, numbered: Numbered, clock: FakeClock
) -> None:
    """One asks, a hundred others have the page of a moment ago, at once."""
    stale_host.visitor().get("/s/x/a")
    numbered.gate = threading.Event()
    clock.advance(61)
    answers: list[str] = []
    leader = threading.Thread(target=lambda: answers.append(stale_host.visitor().get("/s/x/a").text))
    leader.start()
    until(lambda: numbered.calls == 2)
    started = time.monotonic()
    for _ in range(100):
        assert stale_host.visitor().get("/s/x/a").text == "page 1|stale=False"
    assert time.monotonic() - started < 5
    numbered.gate.set()
    leader.join()
    assert answers == ["page 2|stale=False"]
    assert stale_host.visitor().get("/s/x/a").text == "page 2|stale=False"
    assert numbered.calls == 2


def test_a_new_answer_has_a_fragment_of_its_own(
    stale_host: Host, numbered: Numbered, clock: FakeClock
) -> None:
    """The fragment kept for an old page never stands for the new one."""
    visitor = stale_host.visitor()
    for number in (1, 2, 3):
        assert visitor.get("/s/x/a").text == f"page {number}|stale=False"
        clock.advance(61)


def test_visitors_who_cannot_wait_ask_themselves(make_host: MakeHost, service: FakeService) -> None:
    """A page that nobody has yet: one leads, one waits, the others are not refused while there are places."""
    gate, calls = threading.Event(), list[int]()

    def slow(call: Call) -> Reply:
        calls.append(1)
        gate.wait(5)
        return Reply(body={"n": 1})

    host = make_host(threads=8, limits=Limits(page=4.0))
    service.action("/a", answer=slow)
    meta = {"template_tag": "", "json_only": True, "cache_time": 60}
    service.answer("/meta/a", Reply(body=meta, headers=KEPT))
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda: statuses.append(host.visitor().get("/s/x/a").status_code))
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    until(lambda: len(calls) == 4)
    time.sleep(0.05)
    assert len(calls) == 4
    gate.set()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 5


class Interrupted(MemoryCache):
    """After a look for `kind` that found nothing, something else happens before its visitor goes on."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(1 << 20, clock)
        self.kind, self.meanwhile = "", list[Callable[[], object]]()

    def get(self, key: tuple[Any, ...]) -> Any | None:
        found = super().get(key)
        if self.meanwhile and key[0] == self.kind:
            self.meanwhile.pop()()
        return found


@pytest.mark.parametrize("kind", ["meta", "page"])
@pytest.mark.parametrize("age", [0, 400])
def test_a_load_that_ends_between_look_and_join_is_not_repeated(
    make_host: MakeHost, service: FakeService, numbered: Numbered, clock: FakeClock, kind: str, age: int
) -> None:
    """Whoever leads looks again: another visitor has had it all, new or renewed, since the first look."""
    service.answer("/meta/a", Reply(body={"template_tag": "t", "cache_time": 60}, headers=KEPT))
    cache = Interrupted(clock)
    host = make_host(clock=clock, layout=layout, stores=Stores(cache=cache))
    if age:
        host.visitor().get("/s/x/a")
        clock.advance(age)
    metas, calls = len(service.called("/meta")), numbered.calls
    cache.kind = kind
    cache.meanwhile.append(lambda: host.visitor().get("/s/x/a"))
    assert host.visitor().get("/s/x/a").text == f"page {calls + 1}|stale=False"
    assert not cache.meanwhile
    assert numbered.calls == calls + 1
    assert len(service.called("/meta")) == metas + 1


AWAY = "<p>We are moving house.</p>"


def fallback_layout(page: Page, request: Any) -> str:
    return f"{page.content}|{page.is_fallback}|{page.csrf_token}"


@pytest.fixture
def with_fallback(service: FakeService) -> FakeService:
    service.answer("/media/away.html", Reply(body=AWAY))
    service.action(
        "/a", meta={"fallback": "away.html", "only_member_user": True}, template="hello", answer={}
    )
    return service


@pytest.mark.parametrize(("status", "shown"), [(None, 503), (200, 200)])
def test_a_services_own_page_stands_in_while_it_is_away(
    make_host: MakeHost,
    with_fallback: FakeService,
    events: list[Event],
    clock: FakeClock,
    status: Any,
    shown: int,
) -> None:
    """Fetched while it answered; honest about the status unless the mount says otherwise; rules hold."""
    host = make_host(
        clock=clock, layout=fallback_layout, observe=events.append, of_service={"fallback_status": status}
    )
    member = host.visitor("max")
    assert member.get("/s/x/a").text.startswith("hello|False|")
    member.get("/s/x/a")
    assert len(with_fallback.called("/media")) == 1
    with_fallback.answer("/action/a", DOWN)
    answer = member.get("/s/x/a")
    assert (answer.status_code, answer.text) == (shown, f"{AWAY}|True|")
    assert host.visitor("anna").get("/s/x/a").text.count(AWAY) == 0
    (event,) = [each for each in events if isinstance(each, FallbackServed)]
    assert (event.kind, event.status) == ("service", shown)


@pytest.mark.parametrize("reply", [Reply(status=404), Reply(status=500), Reply(status=403)])
def test_nothing_stands_in_for_the_services_own_word(
    make_host: MakeHost, with_fallback: FakeService, reply: Reply
) -> None:
    """It is there, and says something else."""
    host = make_host(layout=fallback_layout)
    host.visitor("max").get("/s/x/a")
    with_fallback.answer("/action/a", reply)
    answer = host.visitor("max").get("/s/x/a")
    assert (answer.status_code, AWAY in answer.text) == (reply.status, False)


def test_a_fallback_that_cannot_be_fetched_costs_nothing(
    make_host: MakeHost, with_fallback: FakeService, clock: FakeClock
) -> None:
    """The page comes as ever, and it is not tried again at each visit."""
    host = make_host(clock=clock, layout=fallback_layout)
    with_fallback.answer("/media/away.html", Reply(status=404))
    for _ in range(3):
        assert host.visitor("max").get("/s/x/a").text.startswith("hello")
    assert len(with_fallback.called("/media")) == 1
    with_fallback.answer("/action/a", DOWN)
    assert host.visitor("max").get("/s/x/a").status_code == 503


BOMB = "{% for a in rows %}{% for b in rows %}{% for c in rows %}.{% endfor %}{% endfor %}{% endfor %}"


@pytest.mark.parametrize(("template", "fetched"), [("{% for %}", 1), (BOMB, 1)])
def test_a_template_that_failed_is_not_tried_at_each_visit(
    make_host: MakeHost, service: FakeService, clock: FakeClock, template: str, fetched: int
) -> None:
    """One that does not compile, or costs too much, is left alone for five seconds."""
    host = make_host(clock=clock)
    service.action("/a", template=template, answer={"rows": list(range(100))})
    assert host.visitor().get("/s/x/a").status_code == 502
    started = time.monotonic()
    for _ in range(20):
        assert host.visitor().get("/s/x/a").status_code == 502
    assert time.monotonic() - started < 1.0
    assert len(service.called("/template")) == fetched
    service.action("/a", template="mended", answer={})
    assert "mended" in host.visitor().get("/s/x/a").text
    service.action("/a", template=template, answer={"rows": [1]})
    clock.advance(7)
    assert host.visitor().get("/s/x/a").status_code == (502 if template != BOMB else 200)


def test_what_was_too_large_is_not_fetched_at_each_visit(
    make_host: MakeHost, service: FakeService, clock: FakeClock
) -> None:
    """By whoever asked for it, for five seconds; another question and another visitor go out."""
    host = make_host(clock=clock, limits=Limits(action_size=1000))
    service.action("/a", template="large", answer={"text": "x" * 2000})
    calls = ["/s/x/a", "/s/x/a", "/s/x/a", "/s/x/a?page=2"]
    anna = host.visitor("anna")
    assert {anna.get(url).status_code for url in calls} == {502}
    assert len(service.called("/action")) == 2
    assert host.visitor("max").get("/s/x/a").status_code == 502
    assert len(service.called("/action")) == 3
    clock.advance(7)
    service.action("/a", template="fits", answer={})
    assert "fits" in anna.get("/s/x/a").text


def test_a_template_that_takes_long_to_compile_waits_for_the_turn(
    make_host: MakeHost, service: FakeService
) -> None:
    """As one that takes long to render: many of them at a time would slow the whole host down."""
    host = make_host()
    for name in ("long", "later"):
        service.action(f"/{name}", template=f"{name}{'{% now 0 %}' * 5000}", answer={})
    service.action("/short", template="short", answer={})
    with host.middleware._clients[0].turns.begin("another page") as pace:
        pace(2 * LONG)
        statuses = [host.visitor().get(f"/s/x/{name}").status_code for name in ("long", "short")]
    assert statuses == [503, 200]
    assert host.visitor().get("/s/x/later").status_code == 200


def test_a_question_in_one_language_closes_no_page_in_another(
    make_host: MakeHost, service: FakeService
) -> None:
    """What one visitor may choose, and the service is told, is a question of its own."""
    host = make_host(limits=Limits(action_size=1000))
    service.action(
        "/a",
        template="{{ text }}",
        answer=lambda call: Reply(
            body={"text": "x" * (2000 if call.headers["accept-language"] == "xx" else 2)}
        ),
    )
    for language, status in (("xx", 502), ("en", 200), ("xx", 502)):
        answer = host.visitor().get("/s/x/a", headers={"Accept-Language": language})
        assert answer.status_code == status
    assert len(service.called("/action")) == 2


def test_a_page_that_costs_too_much_hides_no_answer_to_a_form(
    make_host: MakeHost, service: FakeService
) -> None:
    """The service has done what it was asked for, so the visitor is told."""
    host = make_host()
    service.action(
        "/a",
        template=BOMB + "done",
        answer=lambda call: Reply(body={"rows": [0] * 100 * (call.method == "GET")}),
    )
    service.action("/form", template="{% csrf_token %}", answer={})
    visitor = host.visitor("anna")
    token = visitor.token("/s/x/form")
    assert visitor.get("/s/x/a").status_code == 502
    answer = visitor.post("/s/x/a", data={"csrfmiddlewaretoken": token})
    assert (answer.status_code, "done" in answer.text) == (200, True)


def test_a_template_that_fails_for_one_is_tried_for_the_next(
    make_host: MakeHost, service: FakeService
) -> None:
    """Only what is costly is remembered: another error may lie in the data of one visitor."""
    host = make_host()
    divided = "{{ 4|divisibleby:by }}"
    service.action("/a", template=divided, answer=lambda call: Reply(body={"by": int(call.query[-1])}))
    assert host.visitor().get("/s/x/a?by=0").status_code == 502
    assert "True" in host.visitor().get("/s/x/a?by=2").text


def test_an_old_page_says_so_when_its_newer_one_takes_too_long(
    stale_host: Host, numbered: Numbered, clock: FakeClock
) -> None:
    """Whoever comes while somebody else has been looking for long gets the page of a moment ago no more."""
    stale_host.visitor().get("/s/x/a")
    numbered.gate = threading.Event()
    clock.advance(60 + 300)
    leader = threading.Thread(target=lambda: stale_host.visitor().get("/s/x/a"))
    leader.start()
    until(lambda: numbered.calls == 2)
    assert stale_host.visitor().get("/s/x/a").text == "page 1|stale=True"
    numbered.gate.set()
    leader.join()
