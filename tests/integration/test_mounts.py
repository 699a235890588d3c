"""Mounts that change while requests are under way."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from plugit_wsgi import PlugItMiddleware, Service
from plugit_wsgi.testing.fake_service import Call, FakeService, Reply
from plugit_wsgi.testing.toxic import ToxicServer
from tests.integration.conftest import SECRET, Host, MakeHost, host_app

Serve = Callable[[Any], str]


def test_a_request_under_way_outlives_its_mount(
    make_host: MakeHost, service: FakeService, serve: Serve
) -> None:
    """It has its answer, the template too, which is asked for after the end; then its places are free."""
    asked, go_on = threading.Event(), threading.Event()

    def slow(_call: Call) -> Reply:
        asked.set()
        assert go_on.wait(5)
        return Reply(body={"name": "late"})

    service.action("/slow", template="hello {{ name }}", answer=slow)
    host = make_host()
    (client,) = host.middleware._clients
    with ThreadPoolExecutor(1) as threads:
        page = threads.submit(host.visitor().get, "/s/x/slow")
        assert asked.wait(5)
        host.middleware.mounts.remove("x")
        assert host.visitor().get("/s/x/slow").text == "the host at /s/x/slow"
        go_on.set()
        answer = page.result(5)
    assert answer.status_code == 200
    assert "hello late" in answer.text
    assert client.exchanges.places.taken == 0


def test_connections_of_a_removed_service_are_given_back() -> None:
    """Those that are idle at once."""
    with ToxicServer() as toxic:
        host = Host(PlugItMiddleware(host_app, [Service("x", toxic.url)], SECRET))
        host.visitor().get("/s/x/any")
        (client,) = host.middleware._clients
        (adapter,) = client.exchanges._transport._processes.values()  # type: ignore[attr-defined]
        (idle,) = adapter._connections._idle
        host.middleware.mounts.remove("x")
        assert idle.sock is None
        assert not adapter._connections._idle


def test_what_one_service_keeps_free_ends_with_it(make_host: MakeHost, service: FakeService) -> None:
    """Places are kept free for services without a call; one that is gone has no more."""
    host = make_host(threads=8)
    for _ in range(20):
        host.middleware.mounts.add(Service("y", "http://127.0.0.1:9"))
        host.middleware.mounts.remove("y")
    (client,) = host.middleware._clients
    places = client.exchanges.places
    assert [places.take() for _ in range(4)]
    shared = places._room.__self__  # type: ignore[attr-defined]
    assert (shared._idle, shared._services) == (0, 1)


def test_eight_threads_lose_nothing_while_mounts_change(
    make_host: MakeHost, service: FakeService, serve: Serve
) -> None:
    """Each request is answered by a service or by the host, never by neither, whatever changes meanwhile."""
    service.action("/a", template="page", answer=lambda call: Reply(body={}))
    host = make_host(threads=64)
    url = serve(service)
    stop = threading.Event()
    wrong: list[str] = []
    seen: set[str] = set()

    def visit() -> int:
        visitor = host.visitor()
        for number in itertools.count():
            if stop.is_set():
                return number
            for path in ("/s/x/a", "/s/y/a"):
                answer = visitor.get(path)
                text = "host" if answer.text.startswith("the host") else "page"
                seen.add(f"{path} {text}")
                if answer.status_code != 200 or (path == "/s/x/a" and text != "page"):
                    wrong.append(f"{path} {answer.status_code} {answer.text[-200:]}")
        return 0

    with ThreadPoolExecutor(8) as threads:
        visits = [threads.submit(visit) for _ in range(8)]
        try:
            for number in range(40):
                host.middleware.mounts.add(Service("y", url))
                host.middleware.mounts.replace(Service("x", url, media_login=number % 2 == 0))
                host.middleware.mounts.replace(Service("y", url, media_login=True))
                threading.Event().wait(0.02)
                host.middleware.mounts.remove("y")
                threading.Event().wait(0.01)
        finally:
            stop.set()
        assert sum(item.result(10) for item in visits) > 40
    assert wrong == []
    assert seen == {"/s/x/a page", "/s/y/a page", "/s/y/a host"}
    shared = host.middleware._clients[0].exchanges.places._room.__self__  # type: ignore[attr-defined]
    assert (shared._calls_taken, shared._idle, shared._services) == (0, 1, 1)


def test_a_change_while_all_places_are_taken_loses_nothing(
    make_host: MakeHost, service: FakeService, serve: Serve
) -> None:
    """Those under way end as they began, and the new service has places at once; then all are free again."""
    asked, go_on = threading.Semaphore(0), threading.Event()

    def slow(_call: Call) -> Reply:
        asked.release()
        assert go_on.wait(5)
        return Reply(body={"name": "old"})

    service.action("/a", template="hello {{ name }}", answer=slow)
    new = FakeService()
    new.action("/a", template="hello {{ name }}", answer={"name": "new"})
    host = make_host(threads=8)
    old = host.middleware.mounts.clients[0].exchanges.places

    def get() -> str:
        answer = host.visitor().get("/s/x/a")
        return f"{answer.status_code} {'hello ' + answer.text.partition('hello ')[2][:3]}"

    with ThreadPoolExecutor(8) as threads:
        try:
            under_way = [threads.submit(get) for _ in range(old.count)]
            assert all(asked.acquire(timeout=5) for _ in under_way)
            assert old.taken == old.count == 4
            assert host.visitor().get("/s/x/a").status_code == 503
            host.middleware.mounts.replace(Service("x", serve(new)))
            assert old.taken == 4
            assert {item.result(5) for item in [threads.submit(get) for _ in range(2)]} == {"200 hello new"}
            assert not any(item.done() for item in under_way)
        finally:
            go_on.set()
        assert {item.result(5) for item in under_way} == {"200 hello old"}
        assert {item.result(5) for item in [threads.submit(get) for _ in range(4)]} == {"200 hello new"}
    shared = old._room.__self__  # type: ignore[attr-defined]
    assert (old.taken, shared._calls_taken, shared._idle, shared._services) == (0, 0, 1, 1)
