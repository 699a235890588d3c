"""The template of an action comes while the action runs."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from plugit_wsgi import Limits
from plugit_wsgi.errors import ServiceUnreachable
from plugit_wsgi.testing.clock import FakeClock
from plugit_wsgi.testing.fake_service import Call, FakeService, Reply
from tests.integration.conftest import Host, MakeHost
from tests.integration.test_rules import until
from tests.integration.test_stale import KEPT


def test_a_template_that_is_not_here_comes_while_the_action_runs(host: Host, service: FakeService) -> None:
    """The action waits for it; and it is fetched once."""
    asked = threading.Event()

    def template(_call: Call) -> Reply:
        asked.set()
        return Reply(body="n is {{ n }}", content_type="text/html")

    met: list[bool] = []

    def action(_call: Call) -> Reply:
        met.append(asked.wait(5))
        return Reply(body={"n": 7})

    service.action("/a", template="", answer=action)
    service.answer("/template/a", template)
    assert "n is 7" in host.visitor().get("/s/x/a").text
    assert "n is 7" in host.visitor().get("/s/x/a").text
    assert met == [True, True]
    assert len(service.called("/template")) == 1


def test_a_template_that_fails_ahead_is_asked_for_again(host: Host, service: FakeService) -> None:
    """Nobody is shown an error of a fetch that was only a guess."""
    tried = threading.Event()

    def template(_call: Call) -> Reply:
        first = not tried.is_set()
        tried.set()
        return Reply(status=500) if first else Reply(body="n is {{ n }}", content_type="text/html")

    def action(_call: Call) -> Reply:
        tried.wait(5)
        return Reply(body={"n": 7})

    service.action("/a", template="", answer=action)
    service.answer("/template/a", template)
    host.visitor().get("/s/x/a")
    assert "n is 7" in host.visitor().get("/s/x/a").text


def test_nothing_comes_ahead_for_whoever_may_not(host: Host, service: FakeService) -> None:
    """Access is decided first."""
    service.action("/a", meta={"only_logged_user": True}, template="n", answer={})
    host.visitor().get("/s/x/a")
    assert service.called("/template") == []


def test_nothing_comes_ahead_of_what_shows_no_page(host: Host, service: FakeService) -> None:
    """HEAD has no body."""
    service.action("/a", template="n", answer={})
    assert host.visitor().open("/s/x/a", method="HEAD").status_code == 200
    assert len(service.called("/action")) == 1
    assert service.called("/template") == []


def test_a_host_can_be_warmed(host: Host, service: FakeService) -> None:
    """Each service is asked what it is, once, and nobody waits for it."""
    assert service.calls == []
    host.middleware.warm()
    until(lambda: len(service.called("/version")) == 1)


def test_a_service_that_is_away_does_not_keep_a_host_from_being_warmed(make_host: MakeHost) -> None:
    """Its observers are told, as of any call."""
    events: list[object] = []
    host = make_host(url="http://127.0.0.1:9", observe=events.append)
    host.middleware.warm()
    until(lambda: any(getattr(event, "call", "") == "version" for event in events))


def test_a_meta_is_renewed_before_it_is_old(
    make_host: MakeHost, service: FakeService, clock: FakeClock
) -> None:
    """In the last tenth of its life, once, while visitors go on with it."""
    host = make_host(clock=clock)
    service.action("/a", answer={})
    service.answer("/meta/a", Reply(body={"template_tag": "", "json_only": True}, headers=KEPT))
    visitor = host.visitor()
    visitor.get("/s/x/a")
    clock.advance(269)
    visitor.get("/s/x/a")
    assert len(service.called("/meta")) == 1
    clock.advance(2)
    gate = threading.Event()
    newer = Reply(body={"template_tag": "", "json_only": True, "only_logged_user": True}, headers=KEPT)
    service.answer("/meta/a", lambda _call: (gate.wait(5), newer)[1])
    for _ in range(3):
        assert visitor.get("/s/x/a").status_code == 200
    gate.set()
    until(lambda: visitor.get("/s/x/a").status_code == 403)
    assert len(service.called("/meta")) == 2


def test_a_meta_that_cannot_be_renewed_lives_its_life(
    make_host: MakeHost, service: FakeService, clock: FakeClock
) -> None:
    """It is not asked for at each visit."""
    host = make_host(clock=clock)
    service.action("/a", answer={})
    service.answer("/meta/a", Reply(body={"template_tag": "", "json_only": True}, headers=KEPT))
    visitor = host.visitor()
    visitor.get("/s/x/a")
    clock.advance(271)
    service.answer("/meta/a", Reply(status=503))
    for _ in range(3):
        assert visitor.get("/s/x/a").status_code == 200
    until(lambda: len(service.called("/meta")) == 2)
    assert visitor.get("/s/x/a").status_code == 200
    assert len(service.called("/meta")) == 2


def slow_template(_call: Call) -> Reply:
    time.sleep(0.1)
    return Reply(body="n is {{ n }}", content_type="text/html")


def test_what_comes_ahead_takes_no_place_from_its_own_action(
    make_host: MakeHost, service: FakeService
) -> None:
    """With one place, the template comes after the action, as if nobody had looked ahead."""
    host = make_host(limits=Limits(service_places=1, busy_wait=0.0))
    for number in range(5):
        service.action(f"/{number}", template="", answer={"n": number})
        service.answer(f"/template/{number}", slow_template)
        found = host.visitor().get(f"/s/x/{number}")
        assert (found.status_code, f"n is {number}" in found.text) == (200, True)


def test_a_template_under_way_is_not_fetched_again_ahead(make_host: MakeHost, service: FakeService) -> None:
    """Helpers lead a load or leave it; they take no chair of those who wait for it, and no second place."""
    host = make_host(threads=32)
    chairs = host.middleware.mounts.clients[0].flights.chairs
    asked, gate = threading.Event(), threading.Event()

    def template(_call: Call) -> Reply:
        asked.set()
        gate.wait(5)
        return Reply(body="n is {{ n }}", content_type="text/html")

    def action(_call: Call) -> Reply:
        asked.wait(5)
        time.sleep(0.2)
        return Reply(body={"n": 7})

    service.action("/a", template="", answer=action)
    service.answer("/template/a", template)
    free = chairs.free
    with ThreadPoolExecutor(2) as threads:
        pages = [threads.submit(lambda: host.visitor().get("/s/x/a").text) for _ in range(2)]
        until(lambda: len(service.called("/action")) == 2)
        time.sleep(0.1)
        try:
            assert (len(service.called("/template")), chairs.free) == (1, free)
        finally:
            gate.set()
        assert all("n is 7" in page.result() for page in pages)


def test_what_comes_ahead_is_no_probe(make_host: MakeHost, service: FakeService, clock: FakeClock) -> None:
    """A circuit lets one call through to see: that is the visitor's own."""
    host = make_host(clock=clock)
    client = host.middleware.mounts.clients[0]
    service.action("/a", template="", answer={"n": 7})
    service.answer("/meta/a", Reply(body={"template_tag": "t"}, headers=KEPT))
    service.answer("/template/a", Reply(status=500))
    host.visitor().get("/s/x/a")
    service.answer("/template/a", slow_template)
    for _ in range(5):
        client.exchanges.circuits.enter("meta").broke(ServiceUnreachable("down"))
    clock.advance(10)
    assert "n is 7" in host.visitor().get("/s/x/a").text
