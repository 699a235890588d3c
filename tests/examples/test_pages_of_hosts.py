"""The pages for Pyramid, Bottle, Flask, Django and bare WSGI, followed to the letter in an empty directory.

1. What begins with the name of a file is written there; commands run in the order of the page.
2. Only ports are others, since a test takes free ones; and what `pip` would install is here already.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from html import unescape
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urljoin

import pytest
import requests
from tests.support.servers import ROOT, Running, run_command

FENCE = re.compile(r"^```(?P<kind>[a-z+]+)\n(?P<code>.*?)^```$", re.M | re.S)
FILE = re.compile(
    r"(?:# |\{# |% # )(?P<path>[\w./-]+\.(?:py|html|ini|jinja2|tpl))(?P<more>, at the end)?(?: #\})?\n"
)
FORM = re.compile(r"<form(?P<head>[^>]*)>(?P<body>.*?)</form>", re.S)
INPUT = re.compile(r'<input[^>]*type="hidden"[^>]*name="([^"]*)"[^>]*value="([^"]*)"')
#: How a command that serves begins, and how the line by which it says where.
READY = {
    "plugit-wsgi serve ": "Serving ",
    "flask run ": " * Running on ",
    "python manage.py runserver ": "Starting ",
    "python app.py": "Serving ",
    "pserve ": "Starting server",
}
PAGES = {
    "pyramid": ("name", "login"),
    "bottle": ("name", "login"),
    "flask": ("name", "login"),
    "django": ("username", "accounts/login/"),
    "wsgi": ("name", "login"),
}


def free_ports() -> tuple[str, str]:
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        return str(one.getsockname()[1]), str(two.getsockname()[1])


@contextmanager
def followed(page: str, folder: Path) -> Iterator[str]:
    """Does what a page says; gives the URL of the site that runs then."""
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    text = re.split("\n## (?:Settings|The plugin)\n", text)[0]
    site, service = free_ports()
    text = text.replace("8000", site).replace("5000", service)
    exports: list[str] = []
    with ExitStack() as running:
        for found in FENCE.finditer(text):
            if found["kind"] != "sh":
                write(folder, found["code"])
                continue
            for line in found["code"].splitlines():
                if line.startswith("export "):
                    exports.append(line)
                elif ready := next((READY[start] for start in READY if line.startswith(start)), None):
                    running.enter_context(serving("\n".join([*exports, f"exec {line}"]), folder, ready))
                else:
                    run(line, folder)
        yield f"http://127.0.0.1:{site}"


def environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def write(folder: Path, code: str) -> None:
    """A block that begins with the name of a file."""
    named = FILE.match(code)
    assert named is not None, code
    path = folder / named["path"]
    before = path.read_text(encoding="utf-8") if named["more"] else ""
    path.write_text(before + code, encoding="utf-8")  # the folder is there, or the page forgot it


def run(line: str, folder: Path) -> None:
    if line.startswith("pip install "):
        assert [version(name) for name in line.split()[2:]]
        return
    subprocess.run(["bash", "-ec", line], cwd=folder, env=environment(), check=True, timeout=40)


def serving(script: str, folder: Path, ready: str) -> AbstractContextManager[Running]:
    env = {"PATH": environment()["PATH"]}
    return run_command(["bash", "-ec", script], ready=ready, env=env, cwd=folder)


def submit(session: requests.Session, page: requests.Response, word: str, **fields: str) -> requests.Response:
    """Sends the form of a page that has a word in it, as a browser does."""
    for form in FORM.finditer(page.text):
        if word in form["body"]:
            action = re.search(r'action="([^"]*)"', form["head"])
            hidden = {name: unescape(value) for name, value in INPUT.findall(form["body"])}
            target = urljoin(page.url, unescape(action[1])) if action else page.url
            headers = {"Origin": "/".join(page.url.split("/")[:3]), "Referer": page.url}
            return session.post(target, {**hidden, **fields}, headers=headers, timeout=10)
    raise AssertionError(f"no form with {word!r} in {page.text}")


@pytest.mark.parametrize(
    "page", ["pyramid", "bottle", "flask", pytest.param("django", marks=pytest.mark.slow), "wsgi"]
)
def test_the_page_ends_with_a_service_in_the_readers_own_site(page: str, tmp_path: Path) -> None:
    """Own layout, own login, own protection of forms."""
    field, login = PAGES[page]
    with followed(page, tmp_path) as url, requests.Session() as session:
        session.trust_env = False
        retries = requests.adapters.Retry(connect=20, backoff_factor=0.05, backoff_max=0.2)
        session.mount("http://", requests.adapters.HTTPAdapter(max_retries=retries))
        assert "a service" in session.get(f"{url}/", timeout=10).text
        sent = session.get(f"{url}/s/hello/", timeout=10)
        assert sent.url.startswith(f"{url}/{login}?next=")
        wrong = submit(session, sent, "Log in", **{field: "anna", "password": "wrong"})
        assert "Hello anna" not in wrong.text
        shown = submit(session, sent, "Log in", **{field: "anna", "password": "radio"})
        assert shown.url == f"{url}/s/hello/"
        assert "<title>Hello - My radio</title>" in shown.text
        assert "My radio</a></h1>" in shown.text
        assert "<h2>Hello anna</h2>" in shown.text
        added = submit(session, shown, "Add", text="written by anna")
        assert "<li>written by anna</li>" in added.text
        assert session.post(f"{url}/s/hello/add", {"text": "forged"}, timeout=10).status_code == 403
        submit(session, added, "Log out")
        assert session.get(f"{url}/s/hello/", timeout=10).url.startswith(f"{url}/{login}?next=")
