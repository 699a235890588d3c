"""``plugit-wsgi demo``: the processes, from the first line to the last."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.servers import run_command
from tests.unit.cli.demo_process import Demo, run_demo

from plugit_wsgi.cli import main


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """With data of its own."""
    with run_demo(tmp_path) as running:
        yield running


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for_status(demo: Demo, path: str, status: int) -> str:
    """Asks for a page until it has this status, for 10 s at most."""
    end = time.monotonic() + 10
    while True:
        found, body = demo.get(path)
        if found == status or time.monotonic() > end:
            assert found == status
            return body
        time.sleep(0.02)


def test_the_service_is_killed_and_brought_back(demo: Demo) -> None:
    """Its pages are gone, all others stay; the command that was told brings them back at the same place."""
    assert "Tea or coffee?" in wait_for_status(demo, "/s/polls/", 200)
    os.kill(demo.pid, signal.SIGKILL)
    assert "This service does not work just now" in wait_for_status(demo, "/s/polls/", 502)
    assert demo.get("/s/notes/")[0] == 302
    assert "has ended" in demo.get("/")[1]
    assert demo.command[0] == "env"
    assert "PLUGIT_SERVICE_KEY" not in demo.running.output()
    with run_command(demo.command, ready="Serving ") as brought_back:
        assert "Tea or coffee?" in wait_for_status(demo, "/s/polls/", 200)
        assert f":{demo.command[-1]}" in brought_back.url


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_everything(demo: Demo, number: signal.Signals) -> None:
    """Exit code 0, the services too, no traceback."""
    assert is_there(demo.pid)
    demo.running.process.send_signal(number)
    assert demo.running.process.wait(10) == 0
    assert not is_there(demo.pid)
    assert "Traceback" not in demo.running.output()


def test_a_service_that_does_not_start_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what it said; exit code 2."""
    folder = tmp_path / "polls"
    folder.mkdir()
    (folder / "actions.py").write_text("import no_such_module\n")
    monkeypatch.setattr("plugit_wsgi.cli.children._CHECKOUT", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--port", "0"]) == 2
    out, err = capsys.readouterr()
    assert "no_such_module" in err
    assert "Traceback" not in err
    assert (out, err.count("\n")) == ("", 1)
