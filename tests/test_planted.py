"""The search for planted secrets finds them, wherever a run could print one, and fails it."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from plugit_wsgi.wire.keys import api_keys, derive, format_service_key, load_secrets, service_keys
from tests.support import planted
from tests.support.servers import ROOT, run_command, serve_in_thread

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

RING = service_keys(load_secrets(planted.SECRET), "polls")
SPELLINGS = {
    "the secret": planted.SECRET,
    "the older secret": planted.OLDER,
    "the secret in base64": base64.b64encode(planted.SECRET.encode()).decode(),
    "a service's key": format_service_key(RING),
    "a service's key as bytes": repr(RING.keys[0]),
    "a service's key in hexadecimal": RING.keys[0].hex(),
    "a key of the API": api_keys(RING)[0],
    "a key that signs contexts": base64.b64encode(derive(RING.keys[0], "context")).decode(),
}
HARMLESS = ("", "a secret", RING.sign(b"{}", "context"), "x" * 5000, "0" * 64, "\\x00\\x01")

PRINTING = {
    "stdout": "print(said)",
    "stderr": "print(said, file=sys.stderr)",
    "log": "logging.getLogger('plugit_wsgi').error('got %s', said)",
    "a process": "subprocess.run([sys.executable, '-c', f'print({said!r})'], check=True)",
    "a fixture": "request.addfinalizer(lambda: print(said))",
}


@pytest.mark.parametrize("said", SPELLINGS.values(), ids=SPELLINGS)
def test_each_spelling_is_found(said: str) -> None:
    """Alone, in a line, in the middle of a word; and told without being said."""
    for text in (said, f"GET /x?key={said}&y=1 failed", f"___{said}___", "\n" * 1000 + said):
        found = planted.find(text)
        assert found
        assert said not in str(found)
        assert planted.find(text.encode()) == found
        with pytest.raises(AssertionError, match="the page printed"):
            planted.check(text, "the page")


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_is_not_found(text: str) -> None:
    """Tokens that were made with a key may be shown: that is what they are for."""
    assert planted.find(text) == []


@pytest.mark.parametrize("way", PRINTING)
@pytest.mark.parametrize("spelling", ["the secret", "a key of the API"])
def test_a_test_that_prints_one_fails(tmp_path: Path, way: str, spelling: str) -> None:
    """Though it passes; and a run with such a test fails without saying the secret once more."""
    program = "import logging, subprocess, sys\n"
    program += f"def test_passes(request):\n    said = {SPELLINGS[spelling]!r}\n    {PRINTING[way]}\n"
    (tmp_path / "test_it.py").write_text(program)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.conftest",
        "-c",
        os.devnull,
        "--rootdir",
        str(tmp_path),
    ]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "printed the " in done.stdout
    assert SPELLINGS[spelling] not in done.stdout


@pytest.mark.parametrize("place", ["body", "header"])
def test_a_page_that_tells_one_fails(place: str) -> None:
    """Of any app that a test serves, though nobody looks at it; also where it is cut into pieces."""

    def app(_environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        said = SPELLINGS["a key of the API"] if place == "header" else "none"
        start_response("200 OK", [("Content-Type", "text/plain"), ("X-Key", said)])
        return [planted.SECRET[:9].encode(), planted.SECRET[9:].encode()] if place == "body" else [b"none"]

    with pytest.raises(AssertionError, match="an answer with the "), serve_in_thread(app) as url:
        subprocess.run(
            [sys.executable, "-c", f"import urllib.request as r; r.urlopen('{url}').read()"], check=True
        )


def test_a_server_that_prints_one_fails() -> None:
    """Its output is searched when it ends."""
    program = f"print('Serving http://127.0.0.1:1', flush=True); print({planted.SECRET!r}, flush=True)"
    command = [sys.executable, "-c", program + "; import time; time.sleep(60)"]

    def run(wait: Callable[[], str]) -> None:
        while "secret" not in wait():
            pass

    with (
        pytest.raises(AssertionError, match="printed the secret"),
        run_command(command, ready="Serving ") as server,
    ):
        run(server.output)


def test_the_secrets_of_the_tests_are_planted() -> None:
    """A test that names its secret SECRET uses one that is looked for; so do the hosts that tests start."""
    named = re.compile(r"^(?:SECRET|OLD, NEW)(?:: Final)? = (.+)$", re.M)
    values = {planted.SECRET, planted.OLDER}
    own = ROOT / "tests" / "unit" / "cli" / "test_key.py"  # whose output is the key
    found = {
        str(path.relative_to(ROOT)): value
        for path in (ROOT / "tests").rglob("*.py")
        if path != own and "interop" not in path.parts
        for line in named.findall(path.read_text(encoding="utf-8"))
        for value in re.findall(r'"([^"]+)"', line)
    }
    assert found
    assert {path: value for path, value in found.items() if value not in values} == {}
