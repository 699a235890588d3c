"""The containers of examples/compose.yaml, without Docker: what the files say is read and run as it is.

What is replaced: names and ports of containers by the loopback's, /data by a folder. Once, everything is
installed by the Dockerfile's own command in a fresh environment; else the environment of the tests is taken.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from tests.support.redis_server import RedisServer
from tests.support.servers import ROOT

from plugit_wsgi import PlugItMiddleware
from plugit_wsgi.errors import ConfigError

EXAMPLES = ROOT / "examples"
SECRET = "a secret of the tests, long enough."
READY_WITHIN = 20.0


@dataclass
class Target:
    """A stage of the Dockerfile with all it stands on."""

    user: str = "root"
    base: str = ""
    copied: list[tuple[str, ...]] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)


def read_dockerfile() -> dict[str, Target]:
    """Stages by name; fails on an instruction that it does not know."""
    found: dict[str, Target] = {}
    now = Target()
    for line in (EXAMPLES / "Dockerfile").read_text(encoding="utf-8").splitlines():
        word, _, rest = line.partition(" ")
        if word == "FROM":
            image, name = rest.split(" AS ")
            parent = found.get(image, Target(base=image))
            now = found[name] = Target(parent.user, parent.base, [*parent.copied], [*parent.commands])
        elif word == "COPY":
            now.copied.append(tuple(rest.split()))
        elif word == "RUN":
            now.commands.append(rest)
        elif word == "USER":
            now.user = rest
        elif word == "CMD":
            now.command = json.loads(rest)
        else:
            assert word in ("", "#", "ENV", "WORKDIR", "EXPOSE"), line
    return found


COMPOSE: dict[str, Any] = yaml.safe_load((EXAMPLES / "compose.yaml").read_text(encoding="utf-8"))
TARGETS = read_dockerfile()
BUILT = [name for name, service in COMPOSE["services"].items() if "build" in service]


class Machine:
    """The containers, on the loopback.

    Args:
        folder: to work in.
        binaries: where the environment's programs are.
        redis: a server that runs.
    """

    def __init__(self, folder: Path, binaries: Path, redis: RedisServer) -> None:
        self.app, self.data = folder / "app", folder / "data"
        self.data.mkdir()
        self.binaries = binaries
        self.redis = redis
        self.ports = {name: _free_port() for name in BUILT}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.secrets = {"PLUGIT_SECRET_KEY": SECRET}
        for name in ("polls", "notes"):
            self.secrets[f"{name.upper()}_KEY"] = self.output("plugit-wsgi", "key", name)

    def env(self, name: str = "") -> dict[str, str]:
        """Of a container, with what .env says put in."""
        given = COMPOSE["services"][name]["environment"] if name else {"PLUGIT_SECRET_KEY": SECRET}
        values = {key: re.sub(r"\$\{(\w+)[^}]*\}", self._secret, value) for key, value in given.items()}
        values = {key: self.local(value, name) for key, value in values.items()}
        return {"PATH": f"{self.binaries}:{os.environ['PATH']}", "HOME": str(self.data), **values}

    def local(self, text: str, name: str) -> str:
        """A text of the files with addresses of this machine."""
        text = text.replace("/data", str(self.data)).replace("redis:6379", f"127.0.0.1:{self.redis.port}")
        text = re.sub(r"(0\.0\.0\.0|127\.0\.0\.1):(8000|5000)\b", f"127.0.0.1:{self.ports.get(name)}", text)
        return re.sub(r"\b(polls|notes):5000", lambda at: f"127.0.0.1:{self.ports[at[1]]}", text)

    def output(self, *command: str, name: str = "") -> str:
        """What a program prints; it must be content."""
        done = subprocess.run(
            command, env=self.env(name), cwd=self.data, capture_output=True, text=True, timeout=30
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def is_healthy(self, name: str) -> bool:
        """As its health check says."""
        kind, *command = COMPOSE["services"][name]["healthcheck"]["test"]
        assert kind == "CMD"
        command = [self.local(word, name) for word in command]
        return subprocess.run(command, env=self.env(name), capture_output=True, timeout=10).returncode == 0

    @contextmanager
    def running(self, name: str) -> Iterator[None]:
        """The container of a name, from when it is healthy on."""
        command = [self.local(word, name) for word in TARGETS[name].command]
        log = self.data / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, env=self.env(name), cwd=self.app, stdout=output, stderr=subprocess.STDOUT
            )
            self.processes[name] = process
            try:
                end = time.monotonic() + READY_WITHIN
                while not self.is_healthy(name):
                    assert process.poll() is None, log.read_text()
                    assert time.monotonic() < end, log.read_text()
                    time.sleep(0.05)
                yield
            finally:
                process.terminate()
                process.wait(10)

    def _secret(self, found: re.Match[str]) -> str:
        return self.secrets[found[1]]


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _install(folder: Path) -> Path:
    """A fresh environment with what the Dockerfile installs, by its own command; gives its programs."""
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True, timeout=60)
    binaries = folder / "venv" / "bin"
    (command,) = (line for line in TARGETS["base"].commands if line.startswith("pip "))
    env = {**os.environ, "PATH": f"{binaries}:{os.environ['PATH']}"}
    subprocess.run(["sh", "-c", command], cwd=folder / "app", env=env, check=True, timeout=300)
    return binaries


def _copy(folder: Path) -> None:
    """What the Dockerfile copies."""
    app = folder / "app"
    app.mkdir()
    for *sources, target in TARGETS["host"].copied:
        for source in sources:
            if (ROOT / source).is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
                shutil.copytree(ROOT / source, app / target, ignore=ignored)
            else:
                shutil.copy(ROOT / source, app / target)
    file = app / "examples" / "compose" / "plugit.toml"
    file.rename(file.with_suffix(".original"))


@pytest.fixture(
    params=["as the tests are", pytest.param("as the Dockerfile installs", marks=pytest.mark.slow)],
    scope="module",
)
def machine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """All containers run."""
    folder = tmp_path_factory.mktemp("compose")
    _copy(folder)
    binaries = Path(sys.executable).parent
    if request.param == "as the Dockerfile installs":
        binaries = _install(folder)
    with ExitStack() as running:
        redis = RedisServer(folder, *COMPOSE["services"]["redis"]["command"][1:])
        running.callback(redis.stop)
        found = Machine(folder, binaries, redis)
        original = folder / "app/examples/compose/plugit.original"
        original.with_suffix(".toml").write_text(found.local(original.read_text(), "host"))
        for name in BUILT[::-1]:
            running.enter_context(found.running(name))
        yield found


@pytest.fixture
def visitor(machine: Machine) -> Iterator[Any]:
    """`visitor(method, path, ...)`: somebody with a browser of their own."""
    with requests.Session() as session:
        session.trust_env = False
        url = f"http://127.0.0.1:{machine.ports['host']}"
        yield lambda method, path, **more: session.request(method, url + path, timeout=10, **more)


def test_pages_of_both_services_come_and_are_kept_in_redis(machine: Machine, visitor: Any) -> None:
    """In the site's layout; a login comes back to the page; the organization is switched."""
    assert "Compose Radio" in visitor("GET", "/").text
    page = visitor("GET", "/s/polls/")
    assert page.status_code == 200
    assert "Tea or coffee?" in page.text
    assert "Compose Radio" in page.text
    login = visitor("GET", "/s/notes/")
    assert (login.status_code, "<h1>Log in</h1>" in login.text) == (200, True)
    (back,) = re.findall(r'name="next" value="([^"]*)"', login.text)
    page = visitor("POST", "/login", data={"person": "2", "next": back})
    assert page.url.endswith("/s/notes/")
    assert "Notes of Radio One" in page.text
    (token,) = set(
        re.findall(r'ebuio_setOrga.*?name="csrfmiddlewaretoken" value="([^"]*)"', page.text, re.DOTALL)
    )
    page = visitor("POST", "/s/notes/ebuio_setOrga", data={"organization": "2", "csrfmiddlewaretoken": token})
    assert "Notes of Radio Two" in page.text
    assert any(key.startswith(b"plugit") for key in machine.redis.client.scan_iter())


def test_services_run_what_the_host_has_signed_alone(machine: Machine) -> None:
    """Whoever else is in the network gets no page."""
    for name in ("polls", "notes"):
        url = f"http://127.0.0.1:{machine.ports[name]}"
        assert requests.get(f"{url}/action/", timeout=5).status_code == 401
        assert requests.get(f"{url}/version", timeout=5).status_code == 200


def test_the_login_form_of_another_site_is_refused(visitor: Any) -> None:
    """The browser says where it comes from; a target elsewhere is none."""
    answer = visitor("POST", "/login", data={"person": "3"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert (answer.status_code, "Set-Cookie" in answer.headers) == (403, False)
    answer = visitor("POST", "/login", data={"person": "3", "next": "//evil.example"}, allow_redirects=False)
    assert answer.headers["Location"].endswith(":" + answer.url.split(":")[2].split("/")[0] + "/")


@pytest.mark.slow
def test_a_service_that_is_stopped_takes_its_pages_alone_along(machine: Machine, visitor: Any) -> None:
    """And brings them back when it is started again."""
    assert visitor("GET", "/s/polls/show/1").status_code == 200
    machine.processes["polls"].terminate()
    machine.processes["polls"].wait(10)
    assert not machine.is_healthy("polls")
    assert visitor("GET", "/s/polls/show/1").status_code == 502
    assert visitor("GET", "/s/notes/").status_code == 200
    with machine.running("polls"):
        assert visitor("GET", "/s/polls/show/1").status_code == 200


# What the files say --------------------------------------------------------------------


def test_the_image_runs_without_root_on_a_pinned_base() -> None:
    """Every target; only the host is reached from outside, and by this machine alone."""
    for name in BUILT:
        build = COMPOSE["services"][name]["build"]
        assert build == {"context": "..", "dockerfile": "examples/Dockerfile", "target": name}
        assert (TARGETS[name].base, TARGETS[name].user) == ("python:3.13-slim", "plugit")
        assert COMPOSE["services"][name]["cap_drop"] == ["ALL"]
    ports = {name: service.get("ports") for name, service in COMPOSE["services"].items()}
    assert ports == {"host": ["127.0.0.1:8000:8000"], "polls": None, "notes": None, "redis": None}


def test_the_hosts_file_mounts_the_containers_that_there_are() -> None:
    """By http, which it has to allow: without, the host does not start."""
    file = EXAMPLES / "compose" / "plugit.toml"
    text = file.read_text(encoding="utf-8")
    assert re.findall(r'url = "http://(\w+):5000"', text) == [name for name in BUILT if name != "host"]
    PlugItMiddleware.from_file(lambda *_: [], file, secret_key=SECRET).close()


def test_the_hosts_file_does_not_do_without_allow_http(tmp_path: Path) -> None:
    """The error names it."""
    text = (EXAMPLES / "compose" / "plugit.toml").read_text(encoding="utf-8")
    (tmp_path / "plugit.toml").write_text(text.replace("allow_http = true", ""))
    with pytest.raises(ConfigError, match="allow_http"):
        PlugItMiddleware.from_file(lambda *_: [], tmp_path / "plugit.toml", secret_key=SECRET)


def test_threads_are_said_once_and_the_same() -> None:
    """The server gives as many as the middleware is told."""
    text = (EXAMPLES / "compose" / "plugit.toml").read_text(encoding="utf-8")
    command = TARGETS["host"].command
    assert f"threads = {command[command.index('--threads') + 1]} " in text
