"""What is mounted, and how it changes: whole or not at all."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

import pytest
from tests.unit.test_middleware import SECRET, URL, call, host_app

from plugit_wsgi import PlugItMiddleware, Service, Variant
from plugit_wsgi.assembly import Assembly, Built
from plugit_wsgi.errors import ConfigError
from plugit_wsgi.loading import make_transport
from plugit_wsgi.mounting import Changes

POLLS = Service("polls", URL)
NOTES = Service("notes", URL)


def make(*services: Service, **more: Any) -> PlugItMiddleware:
    return PlugItMiddleware(host_app, services, SECRET, **more)


def is_mounted(app: PlugItMiddleware, path: str) -> bool:
    return call(app, path)[0].startswith("308")


def test_a_service_comes_and_goes() -> None:
    """Its paths are its own while it is mounted, and the host's before and after."""
    app = make(POLLS)
    assert not is_mounted(app, "/s/notes")
    app.mounts.add(NOTES)
    assert is_mounted(app, "/s/notes")
    assert app.mounts.names == ("polls", "notes")
    assert list(app.mounts) == [POLLS, NOTES]
    assert len(app.mounts) == 2
    assert "notes" in app.mounts
    app.mounts.remove("notes")
    assert call(app, "/s/notes")[2] == b"the host"
    assert is_mounted(app, "/s/polls")
    assert repr(app.mounts) == "<Mounts polls>"


def test_a_service_is_replaced_in_its_place() -> None:
    """The name stays, all else is new."""
    app = make(POLLS, NOTES)
    app.mounts.replace(Service("polls", URL, mount="/votes"))
    assert is_mounted(app, "/votes")
    assert not is_mounted(app, "/s/polls")
    assert app.mounts.names == ("polls", "notes")


def test_what_stays_keeps_its_client() -> None:
    """Connections, circuits, places and pages with it; what changed has new ones."""
    app = make(POLLS, NOTES)
    polls, notes = app.mounts.clients
    changes = app.mounts.update([Service("notes", URL, organizations=True), POLLS, Service("new", URL)])
    assert changes == Changes(added=("new",), changed=("notes",), removed=(), unchanged=("polls",))
    assert app.mounts.clients[1] is polls
    assert app.mounts.clients[0] is not notes
    assert app.mounts.names == ("notes", "polls", "new")


def test_the_api_follows() -> None:
    """A service that came can call back, one that went cannot."""
    app = make(POLLS)
    app.mounts.add(NOTES)
    api, _, _ = app.mounts.table.match("/s/_api/x") or pytest.fail("no API")
    assert set(api._apis) == {"polls", "notes"}  # type: ignore[attr-defined]
    app.mounts.remove("polls")
    api, _, _ = app.mounts.table.match("/s/_api/x") or pytest.fail("no API")
    assert set(api._apis) == {"notes"}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("how", "argument", "value", "expected"),
    [
        ("add", POLLS, "polls", "a name of its own"),
        (
            "add",
            Service("more", URL, mount="/s/polls"),
            "/s/polls",
            "each of service 'polls' and service 'more'",
        ),
        ("add", Service("more", URL, mount="/s/_api"), "/s/_api", "a path of its own"),
        ("add", "polls", "polls", "Service objects"),
        ("replace", Service("more", URL), "more", "polls, notes"),
        ("replace", Service("polls", URL, mount="/s/notes"), "/s/notes", "a path of its own"),
        ("replace", None, None, "Service objects"),
        ("remove", "more", "more", "polls, notes"),
        ("remove", None, None, "polls, notes"),
        ("update", [POLLS, POLLS], "polls", "a name of its own"),
        ("update", POLLS, POLLS, "a list of Service"),
    ],
)
def test_a_change_that_fails_changes_nothing(how: str, argument: Any, value: Any, expected: str) -> None:
    """The error names the value and what was expected; table, clients and places are those of before."""
    app = make(POLLS, NOTES)
    places = app.mounts.clients[0].exchanges.places
    table, clients, idle = app.mounts.table, app.mounts.clients, places._room.__self__._idle  # type: ignore[attr-defined]
    with pytest.raises(ConfigError) as caught:
        getattr(app.mounts, how)(argument)
    assert caught.value.value == value
    assert expected in caught.value.expected
    assert app.mounts.table is table
    assert app.mounts.clients == clients
    assert places._room.__self__._idle == idle == 2  # type: ignore[attr-defined]


def test_a_variant_that_cannot_be_built_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a place would be kept free for ever, for a service that is not there."""

    def failing(service: Service, *named: Any) -> Any:
        if service.url.endswith(":12"):
            raise ConfigError("transport", service.url, "another one")
        return make_transport(service, *named)

    app = make(POLLS)
    monkeypatch.setattr("plugit_wsgi.assembly.make_transport", failing)
    places = app.mounts.clients[0].exchanges.places
    host: Any = places._room.__self__  # type: ignore[attr-defined]
    variants = (Variant("next", "http://127.0.0.1:11"), Variant("last", "http://127.0.0.1:12"))
    for change, name in ((app.mounts.add, "notes"), (app.mounts.replace, "polls")):
        with pytest.raises(ConfigError):
            change(Service(name, URL, variants=variants))
        assert (host._idle, host._services, places.deployments.mounted) == (1, 1, 1)


def test_what_was_kept_under_other_settings_is_not_found() -> None:
    """A service that moved must not be shown with what another one said under its name."""
    app = make(POLLS)
    before = app.mounts.clients[0]
    before._metas._cache.set(("meta", "polls", "/"), "of old", 60, 10)
    app.mounts.replace(Service("polls", "http://127.0.0.1:10"))
    assert app.mounts.clients[0]._metas._cache.get(("meta", "polls", "/")) is None
    app.mounts.replace(POLLS)
    assert app.mounts.clients[0]._metas._cache.get(("meta", "polls", "/")) == "of old"


def test_changes_are_told(caplog: pytest.LogCaptureFixture) -> None:
    """One line for each change, none for none."""
    app = make(POLLS)
    with caplog.at_level(logging.INFO, "plugit_wsgi"):
        app.mounts.update([POLLS])
        assert caplog.messages == []
        app.mounts.update([NOTES], "a file.toml")
        app.mounts.replace(Service("notes", URL, organizations=True))
    assert caplog.messages == [
        'event=mounts source="a file.toml" added=notes removed=polls unchanged=0',
        "event=mounts source=code changed=notes unchanged=0",
    ]


def test_a_misspelt_field_of_users_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """At start; one of the host's own, which is like none, is not."""
    with caplog.at_level(logging.WARNING, "plugit_wsgi"):
        make(Service("polls", URL, user_fields=("id", "email", "phone", "shoe_size", "ebuio_admin")))
        assert caplog.messages == []
        make(Service("polls", URL, user_fields=("firstname", "email")))
    (line,) = caplog.messages
    assert "service 'polls': user_fields has 'firstname'" in line
    assert "did you mean 'first_name'?" in line


def test_many_change_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each change is made on what the others left: none is lost."""
    build = Assembly.build

    def slow_build(assembly: Assembly, service: Service, before: Built | None = None) -> Built:
        time.sleep(0.002)
        return build(assembly, service, before)

    monkeypatch.setattr(Assembly, "build", slow_build)
    app = make(POLLS)
    start = threading.Barrier(8)

    def change(number: int) -> None:
        start.wait()
        app.mounts.add(Service(f"one-{number}", URL))
        app.mounts.add(Service(f"two-{number}", URL))
        app.mounts.remove(f"one-{number}")

    threads = [threading.Thread(target=change, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(app.mounts.names) == sorted(["polls", *(f"two-{number}" for number in range(8))])


def test_a_change_costs_no_more_than_there_are_services(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is compared with the one of its name, and with no other."""
    many = [Service(f"service-{number}", URL) for number in range(100)]
    app = make(*many)
    compared = []
    equal = Service.__eq__
    monkeypatch.setattr(Service, "__eq__", lambda one, other: compared.append(one) or equal(one, other))
    assert app.mounts.update([*many[:-1], Service("service-99", URL, mount="/last")]).changed == (
        "service-99",
    )
    assert len(compared) <= 2 * len(many)
