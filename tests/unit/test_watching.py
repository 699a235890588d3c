"""The file that says what is mounted, looked at by requests."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.unit.test_middleware import SECRET, URL, call, host_app

from plugit_wsgi import PlugItMiddleware, Service
from plugit_wsgi.testing.clock import FakeClock
from plugit_wsgi.watching import EVERY, SETTLED, Signature, signature_of

POLLS = f'[[services]]\nname = "polls"\nurl = "{URL}"\n'
NOTES = f'[[services]]\nname = "notes"\nurl = "{URL}"\n'
TOP = f'secret_key = "{SECRET}"\n'


class World:
    """A host and its file; time is turned by hand."""

    def __init__(self, tmp_path: Path, text: str = TOP + POLLS, **more: Any) -> None:
        self.clock = FakeClock()
        self.path = tmp_path / "plugit.toml"
        self._written = 0
        self.write(text)
        self.clock.advance(10)
        self.app = PlugItMiddleware.from_file(host_app, self.path, clock=self.clock, **more)
        self.visit()

    def write(self, text: str) -> None:
        """In place, at the time of the clock."""
        self.path.write_text(text, encoding="utf-8")
        self.touch(self.path)

    def put(self, text: str) -> None:
        """By another file that takes its place, as editors do, with the same time and length."""
        other = self.path.with_suffix(".new")
        other.write_text(text, encoding="utf-8")
        os.utime(other, ns=(0, self.path.stat().st_mtime_ns))
        other.replace(self.path)

    def touch(self, path: Path) -> None:
        """Writes down the clock's time."""
        self._written += 1
        moment = int(self.clock.time() * 1e9) + self._written
        os.utime(path, ns=(moment, moment))

    def visit(self) -> tuple[str, ...]:
        """A request for a page of the host; what is mounted after it."""
        assert call(self.app, "/")[2] == b"the host"
        return self.app.mounts.names

    def later(self, seconds: float = EVERY) -> tuple[str, ...]:
        """The same after a while."""
        self.clock.advance(seconds)
        return self.visit()


def test_a_new_service_is_there_for_the_request_that_finds_it(tmp_path: Path) -> None:
    """A process that was idle for long does not show the old table once more."""
    world = World(tmp_path)
    world.write(TOP + POLLS + NOTES)
    world.clock.advance(60)
    assert call(world.app, "/s/notes")[0].startswith("308")


def test_a_file_in_the_place_of_another(tmp_path: Path) -> None:
    """Same time, same length: the inode tells."""
    world = World(tmp_path)
    world.put(TOP + NOTES)
    assert world.later() == ("notes",)


def test_a_file_is_looked_at_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for every request."""
    world = World(tmp_path)
    looks: list[object] = []

    def look(path: str) -> Signature:
        looks.append(path)
        return signature_of(path)

    monkeypatch.setattr("plugit_wsgi.watching.signature_of", look)
    world.later()
    for _ in range(9):
        world.later(EVERY / 10 - 0.001)
    assert len(looks) == 1


def test_a_file_that_is_being_written_is_left_alone(tmp_path: Path) -> None:
    """Half of it is a good file, too; it counts when nothing was added for a while."""
    world = World(tmp_path, TOP + POLLS + NOTES)
    for _ in range(5):
        world.clock.advance(EVERY)
        world.write(TOP + POLLS)
        assert world.later(SETTLED / 2) == ("polls", "notes")
    world.write(TOP + NOTES)
    assert world.later(EVERY) == ("notes",)


def test_a_file_of_tomorrow(tmp_path: Path) -> None:
    """A clock that is wrong, here or where the file lies, delays a change by one look and no more."""
    world = World(tmp_path)
    world.clock.advance(1e6)
    world.write(TOP + NOTES)
    world.clock.advance(-1e6)
    assert world.visit() == ("polls",)
    assert world.later() == ("polls",)
    assert world.later() == ("notes",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[services", "a TOML file that can be read"),
        (TOP + POLLS + POLLS, "a name of its own"),
        (TOP + POLLS.replace("url", "ulr"), "did you mean 'url'"),
        (TOP, "services = [] to remove all"),
        ("", "services = [] to remove all"),
        (TOP + "services = 1\n", "[[services]] tables"),
        (TOP + NOTES + 'mount = "/s/_api"\n', "a path of its own"),
        (None, "a TOML file that can be read"),
    ],
)
def test_a_wrong_file_changes_nothing_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str | None, told: str
) -> None:
    """And the next good one counts."""
    world = World(tmp_path)
    client = world.app.mounts.clients[0]
    if text is None:
        world.path.unlink()
    else:
        world.write(text)
    with caplog.at_level(logging.INFO, "plugit_wsgi"):
        for _ in range(5):
            assert world.later() == ("polls",)
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert told in record.getMessage().replace("\\", "")
    assert SECRET not in record.getMessage()
    assert world.app.mounts.clients == (client,)
    world.write(TOP + NOTES)
    assert world.later() or world.later()
    assert world.later() == ("notes",)


def test_all_services_can_be_removed(tmp_path: Path) -> None:
    """If the file says so in words."""
    world = World(tmp_path)
    world.write(TOP + "services = []\n")
    assert world.later(1) == ()


def test_what_needs_a_restart_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """By key, never by value; what code gave does not count; the services change all the same."""
    world = World(tmp_path, TOP + 'prefix = "/a"\nlogin_url = "/in"\n' + POLLS, prefix="/s")
    other = "another secret that nobody may read"
    world.write(f'secret_key = "{other}"\nprefix = "/b"\n[limits]\npage = 3\n' + POLLS + NOTES)
    with caplog.at_level(logging.WARNING, "plugit_wsgi"):
        assert world.later(1) == ("polls", "notes")
        world.later(1)
    (message,) = caplog.messages
    assert message.endswith("needs_restart=limits,login_url,secret_key")
    assert other not in caplog.text


def test_the_file_wins_over_code_when_it_changes(tmp_path: Path) -> None:
    """Until then, code does."""
    world = World(tmp_path)
    world.app.mounts.add(Service("code", URL))
    assert world.later(5) == ("polls", "code")
    world.write(TOP + POLLS + NOTES)
    assert world.later(5) == ("polls", "notes")


def test_services_that_code_gave_are_not_watched(tmp_path: Path) -> None:
    """What is given in Python wins, also later."""
    world = World(tmp_path, services=[Service("code", URL)])
    world.write(TOP + NOTES)
    assert world.later(5) == ("code",)


def test_a_mistake_of_ours_does_not_end_a_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The old mounts stay, the log has the cause."""
    world = World(tmp_path)
    monkeypatch.setattr(type(world.app.mounts), "update", lambda *_: 1 / 0)
    world.write(TOP + NOTES)
    assert world.later(5) == ("polls",)
    assert "ZeroDivisionError" in caplog.text


def test_one_loads_and_the_others_go_on(tmp_path: Path) -> None:
    """With the old mounts, while the new ones are made."""
    world = World(tmp_path)
    loading, go_on = threading.Event(), threading.Event()
    real = world.app.mounts.update

    def slow(*arguments: Any) -> Any:
        loading.set()
        assert go_on.wait(5)
        return real(*arguments)

    world.app.mounts.update = slow  # type: ignore[method-assign]
    world.write(TOP + NOTES)
    world.clock.advance(5)
    loader = threading.Thread(target=world.visit)
    loader.start()
    assert loading.wait(5)
    assert world.visit() == ("polls",)
    go_on.set()
    loader.join(5)
    assert world.visit() == ("notes",)
