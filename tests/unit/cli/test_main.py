"""``plugit-wsgi``: its help, and what it says to nonsense."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from plugit_wsgi.cli import main

COMMANDS = ("demo", "dev", "serve", "key", "preview", "db", "mail")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_helps_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """On stdout, exit code 0."""
    assert main([command, "--help"]) == 0
    out, err = capsys.readouterr()
    assert "example:\n" in out
    assert f"plugit-wsgi {command}" in out.partition("example:")[2]
    assert err == ""


def test_the_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """And examples."""
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert "examples:\n" in out
    assert [line.split()[0] for line in out.splitlines() if line.startswith("    ")] == list(COMMANDS)


NONSENSE = [
    ([], "plugit-wsgi: the following arguments are required: COMMAND"),
    (["dance"], "plugit-wsgi: argument COMMAND: invalid choice: 'dance'"),
    (["dev"], "plugit-wsgi dev: the following arguments are required: URL"),
    (["dev", "ftp://127.0.0.1"], "got 'ftp://127.0.0.1', expected an http:// or https:// URL"),
    (["dev", "127.0.0.1:5000"], "got '127.0.0.1:5000', expected an http:// or https:// URL"),
    (["dev", "http://127.0.0.1", "--mount", "app"], "plugit-wsgi dev: mount: got 'app', expected a path"),
    (["dev", "http://127.0.0.1", "--mount", "/"], "plugit-wsgi dev: mount: got '/', expected a path"),
    (["dev", "http://127.0.0.1", "--mode", "both"], "invalid choice: 'both'"),
    (["dev", "http://127.0.0.1", "--port", "http"], "--port: got 'http', expected a number from 0 to 65535"),
    (["dev", "http://127.0.0.1", "--port=-1"], "--port: got '-1'"),
    (["dev", "http://127.0.0.1", "--port", "65536"], "--port: got '65536'"),
    (["dev", "http://127.0.0.1", "--host", "no such host"], "--host: got 'no such host'"),
    (["dev", "http://127.0.0.1", "--orga"], "plugit-wsgi: unrecognized arguments: --orga"),
    (["dev", "http://127.0.0.1", "http://127.0.0.2"], "unrecognized arguments: http://127.0.0.2"),
    (["serve", "nowhere"], "plugit-wsgi serve: service folder: got 'nowhere'"),
    (["demo", "--port", "many"], "plugit-wsgi demo: --port: got 'many'"),
    (["demo", "--host", "0.0.0.0"], "unrecognized arguments: --host 0.0.0.0"),
]


@pytest.mark.parametrize(("arguments", "sentence"), NONSENSE, ids=lambda value: " ".join(value) or "nothing")
def test_nonsense_is_refused_with_a_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line on stderr, exit code 2; no usage, no traceback."""
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert sentence in err
    assert err.count("\n") == 1
    assert out == ""


@pytest.mark.parametrize("command", [["dev", "http://127.0.0.1:1"], ["demo"]])
def test_a_port_in_use_is_told(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """One line on stderr, exit code 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main([*command, "--port", str(port)]) == 1
    out, err = capsys.readouterr()
    reason = "address already in use; --port names another"
    assert f"plugit-wsgi {command[0]}: cannot listen on 127.0.0.1:{port}: {reason}\n" in err
    assert out == ""


def test_runs_as_a_module() -> None:
    """`python -m plugit_wsgi.cli`, with the exit code of the command."""
    command = [sys.executable, "-m", "plugit_wsgi.cli", "key"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert "plugit-wsgi key: the following arguments are required: NAME" in ended.stderr
