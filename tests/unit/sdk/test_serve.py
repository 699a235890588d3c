"""``plugit-wsgi serve DIR``: as a process, with signals, and with nonsense."""

from __future__ import annotations

import argparse
import http.client
import signal
import socket
import sys
from urllib.parse import urlsplit

import pytest
from tests.support.servers import run_command

from plugit_wsgi.cli import serve

PROGRAM = """
import argparse, sys
from plugit_wsgi.cli import serve
parser = argparse.ArgumentParser(prog="plugit-wsgi")
serve.add_parser(parser.add_subparsers(required=True))
arguments = parser.parse_args()
sys.exit(arguments.run(arguments))
"""


@pytest.fixture
def folder(tmp_path):
    """A small service."""
    (tmp_path / "actions.py").write_text(
        'from plugit_wsgi.sdk import action\n@action("/")\ndef home(request):\n    return {"a": 1}\n'
    )
    return tmp_path


def command(*arguments):
    return [sys.executable, "-c", PROGRAM, "serve", *map(str, arguments)]


def get(url, path):
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.request("GET", path)
    body = connection.getresponse().read()
    connection.close()
    return body


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serves_until_a_signal(number, folder):
    """It says where it is once it listens, and ends with 0."""
    with run_command(command(folder, "--port", "0"), ready="Serving ") as running:
        assert f"Serving {folder} at {running.url}/\n" in running.output()
        assert get(running.url, "/action/") == b'{"a":1}'
        running.process.send_signal(number)
        assert running.process.wait(10) == 0
        assert "Traceback" not in running.output()


def test_a_log_in_a_file_has_no_colours(folder):
    """Whatever the status is; a request that brings some of its own is quoted."""
    with run_command(command(folder, "--port", "0"), ready="Serving ") as running:
        for path in ("/action/", "/none", "/action/%1b[31m"):
            get(running.url, path)
        text = running.output()
    assert '"GET /none HTTP/1.1" 404' in text
    assert "\x1b" not in text


def test_key_of_the_environment_closes_the_actions(folder):
    key = "A" * 43
    with run_command(
        command(folder, "--port", "0"), ready="Serving ", env={"PLUGIT_SERVICE_KEY": key}
    ) as running:
        assert b"X-Plugit-Context" in get(running.url, "/action/")


def run(*arguments):
    parser = argparse.ArgumentParser(prog="plugit-wsgi")
    serve.add_parser(parser.add_subparsers(required=True))
    parsed = parser.parse_args(["serve", *map(str, arguments)])
    return parsed.run(parsed)


NONSENSE = [
    (["{folder}/none"], "expected a folder with an actions.py"),
    (["{folder}/empty"], "expected an actions.py in it"),
    (["{folder}", "--port", "five"], "--port: got 'five', expected a number from 0 to 65535"),
    (["{folder}", "--port", "65536"], "--port"),
    (["{folder}", "--port=-1"], "--port"),
    (["{folder}", "--host", "no such host"], "--host"),
]


@pytest.mark.parametrize(("arguments", "sentence"), NONSENSE)
def test_nonsense_is_refused_with_a_sentence(arguments, sentence, folder, capsys):
    """On stderr, one line, exit code 2."""
    (folder / "empty").mkdir()
    assert run(*(argument.format(folder=folder) for argument in arguments)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert sentence in err
    assert err.count("\n") == 1


def test_address_in_use_is_told(folder, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run(folder, "--port", port) == 1
    assert f"cannot listen on 127.0.0.1:{port}" in capsys.readouterr().err


def test_help_has_an_example(capsys):
    with pytest.raises(SystemExit) as caught:
        run("--help")
    assert caught.value.code == 0
    assert "plugit-wsgi serve examples/polls --port 5000" in capsys.readouterr().out
