"""Contestants as processes on the loopback, each started by a function of its own.

All of them take the base URL of `bench/service.py`, say where they serve, and end with their context; what is
not here raises LookupError with the reason.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.interop.environment import EnvironmentMissing, make_environment
from tests.support.servers import Running, run_app, run_command

from bench.contestants import CONTESTANTS
from bench.driver import fetch, wait_for
from bench.figures import ROOT

PEERS = ROOT / "bench" / "peers"
PYTHON_PATH = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
GUNICORN_PY27 = ("gunicorn==19.10.0", "futures==3.4.0")
THREADS = 8
NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log stderr crit; {user}
events {{ worker_connections 1024; }}
http {{
  access_log off; default_type text/html; keepalive_requests 1000000000;
  proxy_temp_path {folder}/p; client_body_temp_path {folder}/c; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream service {{ server {service}; keepalive 8; }}
  server {{
    listen 127.0.0.1:{port};
    location /polls {{ ssi on; root {folder}; try_files /page.html =404; }}
    location /fragment {{
      internal; proxy_pass http://service/page.html; proxy_http_version 1.1; proxy_set_header Connection "";
    }}
  }}
}}
"""
SSI_PAGE = """<!doctype html><html><head><title>Site</title><link rel="stylesheet" href="/site.css"></head>
<body><nav><a href="/">Site</a></nav><main><!--#include virtual="/fragment" --></main>
<footer>A site of the bench.</footer></body></html>
"""


@dataclass(frozen=True)
class Server:
    """A contestant that runs; `pid` is the process whose tree is measured. Immutable."""

    url: str
    pid: int


Start = Callable[[str], AbstractContextManager[Server]]


@contextmanager
def backend() -> Iterator[Server]:
    """The service that all contestants ask."""
    with run_command([sys.executable, str(ROOT / "bench" / "service.py")], ready="Serving ") as running:
        yield Server(running.url, running.process.pid)


def gunicorn(app: str, **env: str) -> Start:
    """An app of `whole_apps` under gunicorn: one gthread worker of eight threads."""

    @contextmanager
    def start(service: str) -> Iterator[Server]:
        _need("gunicorn", app)
        more = {"BENCH_SERVICE": service, "PYTHONPATH": PYTHON_PATH, **env}
        program = run_app("gunicorn", "bench/whole_apps.py", name=app, validate=False, env=more)
        with _started(program) as found:
            yield found

    return start


def sized(kind: str, threads: int, workers: int = 1) -> Start:
    """Ours under a server of the kind "gthread", "gevent" or "granian", with places for so many threads."""
    port = free_port()
    gunicorn = [sys.executable, "-m", "gunicorn", "-k", kind, "-w", str(workers), "-b", f"127.0.0.1:{port}"]
    gunicorn += ["--threads", str(threads), "--log-level", "error", "bench.whole_apps:ours"]
    rust = [sys.executable, *_granian(port, threads, workers), "bench.whole_apps:ours"]

    @contextmanager
    def start(service: str) -> Iterator[Server]:
        _need("gunicorn" if kind == "gthread" else kind, "ours")
        command = rust if kind == "granian" else gunicorn
        with _started(_at(port, command, BENCH_SERVICE=service, BENCH_THREADS=str(threads))) as found:
            yield found

    return start


def _granian(port: int, threads: int, workers: int) -> list[str]:
    command = ["-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
    return [*command, "--workers", str(workers), "--blocking-threads", str(threads), "--backpressure", "256"]


def granian(app: str) -> Start:
    """The same under granian: one worker of eight threads for WSGI."""

    @contextmanager
    def start(service: str) -> Iterator[Server]:
        _need("granian", app)
        port = free_port()
        command = [sys.executable, *_granian(port, THREADS, 1), f"bench.whole_apps:{app}"]
        with _started(_at(port, command, BENCH_SERVICE=service)) as found:
            yield found

    return start


@contextmanager
def static(service: str) -> Iterator[Server]:
    """An app that answers, byte for byte, what ours answers from its cache."""
    with gunicorn("ours")(service) as ours:
        for _ in range(2):
            _status, body = fetch(ours.url, "/s/bench/cached")
    with tempfile.NamedTemporaryFile(prefix="bench-page-") as page:
        page.write(body)
        page.flush()
        with gunicorn("static_bytes", BENCH_BYTES=page.name)(service) as found:
            yield found


@contextmanager
def podium(service: str) -> Iterator[Server]:
    """Podium's layout, with a podlet in another process."""
    folder = PEERS / "podium"
    _install_podium(folder)
    with run_command(["node", str(folder / "podlet.mjs")], ready="Serving ") as podlet:
        command = ["node", str(folder / "layout.mjs"), f"{podlet.url}/manifest.json"]
        with _started(run_command(command, ready="Serving ", env={"NODE_ENV": "production"})) as found:
            yield found


@contextmanager
def original(service: str) -> Iterator[Server]:
    """The genuine proxy of the original under Python 2.7 and the last gunicorn for it, as ours is run."""
    try:
        python = make_environment()
    except EnvironmentMissing as error:
        raise LookupError(str(error)) from error
    library = PEERS / ".installed" / "gunicorn-py27"
    if not library.exists():
        _install([str(python), "-m", "pip", "install", "-q", "--target", str(library), *GUNICORN_PY27])
    port = free_port()
    command = [
        str(python),
        "-m",
        "gunicorn.app.wsgiapp",
        "-k",
        "gthread",
        "-w",
        "1",
        "--threads",
        str(THREADS),
    ]
    command += ["-b", f"127.0.0.1:{port}", "--log-level", "error", "django.core.wsgi:get_wsgi_application()"]
    env = {
        "PYTHONPATH": f"{library}:{ROOT / 'tests' / 'interop' / 'original_proxy'}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PLUGIT_SERVER": service,
        "DJANGO_SETTINGS_MODULE": "settings",
    }
    with _started(_at(port, command, **env)) as found:
        yield found


@contextmanager
def nginx_ssi(service: str) -> Iterator[Server]:
    """A page of nginx with one include of the service."""
    if shutil.which("nginx") is None:
        raise LookupError("nginx is not installed")
    port, user = free_port(), "user root;" if os.getuid() == 0 else ""
    with tempfile.TemporaryDirectory(prefix="bench-nginx-") as folder:
        Path(folder, "page.html").write_text(SSI_PAGE, encoding="utf-8")
        address = service.removeprefix("http://")
        text = NGINX.format(folder=folder, port=port, user=user, service=address)
        Path(folder, "conf").write_text(text, encoding="ascii")
        with _started(_at(port, ["nginx", "-e", "stderr", "-c", f"{folder}/conf"])) as found:
            yield found


def free_port() -> int:
    """One that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _at(port: int, command: list[str], **env: str) -> AbstractContextManager[Running]:
    """A program that does not say itself where it serves."""
    says = ["sh", "-c", 'echo "Serving $0"; exec "$@"', f"http://127.0.0.1:{port}"]
    return run_command([*says, *command], ready="Serving ", env=env)


@contextmanager
def _started(program: AbstractContextManager[Running]) -> Iterator[Server]:
    """Ready when it answers."""
    with program as running:
        try:
            wait_for(running.url, "/")
        except RuntimeError as error:
            raise RuntimeError(f"{error}\n{running.output()}") from error
        yield Server(running.url, running.process.pid)


def _need(server: str, app: str) -> None:
    """Both can be imported, and the app can be made."""
    if importlib.util.find_spec(server) is None:
        raise LookupError(f"No module named '{server}'")
    if app in CONTESTANTS:
        code = f"from bench.contestants import CONTESTANTS; CONTESTANTS[{app!r}]('http://127.0.0.1:9')"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
        last = (done.stderr.splitlines() or [""])[-1]
        if last.startswith(("ImportError", "ModuleNotFoundError")):
            raise LookupError(last.partition(": ")[2])


def _install_podium(folder: Path) -> None:
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise LookupError(f"{program} is not installed")
    if not (folder / "node_modules" / "@podium" / "layout").exists():
        _install(["npm", "install", "--prefix", str(folder), "--no-package-lock", "--no-audit", "--no-fund"])


def _install(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise LookupError(f"{' '.join(command)} failed: {done.stderr.strip()[-500:]}")
