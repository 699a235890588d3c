"""What visitors feel while a service is broken: `make bench-isolation`.

For each row of the fault matrix, under gunicorn (one gthread worker of eight threads): 16 visitors at the
broken service (160 requests a second together, each waits for an answer), 100 requests a second at a healthy
one, 5 at a page of the host. Without the fault, with it, the way back, without it again. Beside ours a naive
proxy (`requests.get` in a WSGI app under the same server), and nginx with its defaults where it is installed;
they show actions only, so rows of meta and templates are none for them.

All of it shares the machine: numbers are to be compared within a row, not between days. Results go to
bench/results/.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bench import isolation_apps
from plugit_wsgi.testing.faults import FAULTS, Fault
from plugit_wsgi.testing.isolation import Bench, Setup, ask
from plugit_wsgi.testing.measured import Row
from plugit_wsgi.testing.verdicts import HEADING, answers_of, judge, line_of
from plugit_wsgi.testing.watched import Process
from plugit_wsgi.wire.keys import api_keys, load_secrets, service_keys

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results"
QUICK = ("F1", "F4", "F6", "F14", "F21", "F22")
#: Rows with peers beside ours in the full run, which would take too long with all of them.
COMPARED = (*QUICK, "F5", "F7", "F8", "F15", "F24", "F36")
PEERS = ("naive", "nginx")
#: The machine survives what a naive proxy does with a bomb; ours lives under the same roof.
MEMORY = 4 * 1024**3
NGINX = """
daemon off; pid {folder}/pid; error_log stderr crit; {user}
events {{ worker_connections 1024; }}
http {{
  access_log off; default_type text/html;
  proxy_temp_path {folder}/p; client_body_temp_path {folder}/c; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port};
    location /s/bad/ {{ proxy_pass {bad}/action/; }}
    location /s/good/ {{ proxy_pass {good}/action/; }}
    location / {{ return 200 "{page}"; }}
  }}
}}
"""


@contextmanager
def run(command: Sequence[str], log: Path, **more: Any) -> Iterator[subprocess.Popen[str]]:
    """A process group of its own, its standard error in a file; killed at the end."""
    with log.open("ab") as errors:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
            **more,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@contextmanager
def toxic(log: Path) -> Iterator[dict[str, str]]:
    """A toxic service of its own process: the URLs ``service`` and ``admin``."""
    with run([sys.executable, "-W", "ignore", "-m", "plugit_wsgi.testing.toxic"], log) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        yield json.loads(lines[-1])


@contextmanager
def gunicorn(name: str, urls: dict[str, str], log: Path) -> Iterator[tuple[str, Process | None]]:
    """One of `isolation_apps` under gunicorn gthread 1x8: URL and worker."""
    command = [sys.executable, "-W", "ignore", "-m", "gunicorn", "-k", "gthread", "-w", "1", "--threads", "8"]
    env = {**os.environ, "BENCH_BAD": urls["bad"], "BENCH_GOOD": urls["good"]}
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        command += [
            "-b",
            f"fd://{listener.fileno()}",
            "--log-level",
            "warning",
            f"bench.isolation_apps:{name}",
        ]
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        more = {"env": env, "preexec_fn": _limit_memory, "pass_fds": [listener.fileno()]}
        with run(command, log, **more) as process:
            wait_for(url, log)
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            yield url, Process(int(children[0]))


@contextmanager
def nginx(urls: dict[str, str], log: Path) -> Iterator[tuple[str, Process | None]]:
    """The other peer, as it comes."""
    with tempfile.TemporaryDirectory() as folder:
        port, user = free_port(), "user root;" if os.getuid() == 0 else ""
        page = isolation_apps.PAGE.decode().replace('"', "")
        text = NGINX.format(folder=folder, port=port, user=user, page=page, **urls)
        (Path(folder) / "conf").write_text(text, encoding="ascii")
        with run(["nginx", "-e", "stderr", "-c", f"{folder}/conf"], log):
            url = f"http://127.0.0.1:{port}"
            wait_for(url, log)
            yield url, None


def free_port() -> int:
    """One that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_for(url: str, log: Path) -> None:
    """Until it answers, at most 15 s."""
    end = time.monotonic() + 15
    while ask(url + "/", timeout=1)[0] != 200:
        if time.monotonic() > end:
            raise SystemExit(f"no answer at {url}\n{log.read_text(errors='replace')}")
        time.sleep(0.05)


def _limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def measure(fault: Fault, who: str, seconds: float) -> Row:
    """One row of one host, all of it started anew."""
    with ExitStack() as running, tempfile.TemporaryDirectory() as folder:
        log, errors = Path(folder) / "host.log", Path(folder) / "services.log"
        bad, good = (running.enter_context(toxic(errors)) for _ in range(2))
        urls = {"bad": bad["service"], "good": good["service"]}
        start: Callable[..., Any] = nginx if who == "nginx" else lambda *more: gunicorn(who, *more)
        url, process = running.enter_context(start(urls, log))
        setup = Setup(
            bad=f"{url}/s/bad/",
            good=f"{url}/s/good/page",
            host=f"{url}/",
            admin=bad["admin"],
            good_text="the action page",
            host_text="a page of the host itself",
            process=process,
            log=log if who == "ours" else None,
            watched=url if who == "ours" else "",
            secrets=(urls["bad"].removeprefix("http://"),),
        )
        key = api_keys(service_keys(load_secrets(isolation_apps.SECRET), "bad"))[-1]
        setup.order(f"api?url={quote(f'{url}/s/_api/bad/orgas/')}&key={quote(key)}")
        if who == "ours":
            return Bench(setup, seconds=seconds).measure(fault)
        return Bench(setup, seconds=seconds * 2 / 3, grace=1.0, patience=3.0).measure_briefly(fault)


def peer_line(who: str, row: Row) -> str:
    """What is comparable of a peer's row."""
    verdicts = judge(row, 8)
    back = "never (in 3 s)" if row.recovery is None else f"{row.recovery:.1f}s"
    words = [f"G1 {verdicts['G1']}", f"G2 {verdicts['G2']}"]
    words += [f"{name} {verdicts[name]}" for name in ("G3", "G4", "G7") if verdicts[name].kept is not None]
    return f"{'':5}   {who:15}{answers_of(row):27}{' | '.join(words)} | back {back}, then {row.after:.0%}"


def chosen(rows: str, quick: bool) -> list[Fault]:
    """The faults of some rows, or names; all without any."""
    words = {word.strip() for word in rows.split(",") if word.strip()} or (set(QUICK) if quick else set())
    found = [fault for fault in FAULTS.values() if not words or words & {fault.row, fault.name}]
    unknown = words - {fault.row for fault in found} - {fault.name for fault in found}
    if unknown:
        raise SystemExit(f"no such row or fault that a service can show: {', '.join(sorted(unknown))}")
    return [fault for fault in found if not quick or fault.name != "huge-file" or fault.name in words]


def peers(fault: Fault, wanted: Sequence[str], rows: str) -> list[str]:
    """Who else is measured: for what happens in actions, on rows that are asked for or COMPARED."""
    if not rows and fault.row not in COMPARED:
        return []
    there = [name for name in PEERS if name in wanted and (name != "nginx" or shutil.which("nginx"))]
    return there if fault.on in ("action", "listen") and fault.name != "api-callback" else []


def about(seconds: float) -> dict[str, Any]:
    """What a reader has to know about the numbers."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True
    ).stdout.strip()
    return {
        "date": time.strftime("%Y-%m-%d %H:%M"),
        "commit": os.environ.get("BENCH_COMMIT", commit),
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "load": round(os.getloadavg()[0], 2),
        "seconds": seconds,
    }


def main() -> None:
    """Measure, print, save."""
    # Told to stop, it stops what it has started too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    parser = argparse.ArgumentParser(description="What visitors feel while a service is broken.")
    parser.add_argument("--rows", default="", help="such as F4,F5 or hang,drip-head (default: all)")
    parser.add_argument(
        "--quick", action="store_true", help=f"rows {', '.join(QUICK)}: about two and a half minutes"
    )
    parser.add_argument("--seconds", type=float, help="how long a fault lasts (default: 4; --quick: 3)")
    parser.add_argument("--minutes", type=float, default=15.0, help="no row begins later (default: 15)")
    parser.add_argument("--peers", default=",".join(PEERS), help="who is measured beside ours; may be empty")
    options = parser.parse_args()
    options.seconds = options.seconds or (3.0 if options.quick else 4.0)
    facts, end, results = about(options.seconds), time.monotonic() + 60 * options.minutes, []
    print(", ".join(f"{name} {value}" for name, value in facts.items()))
    print("\n" + HEADING)
    for fault in chosen(options.rows, options.quick):
        if time.monotonic() > end:
            print(f"{fault.row:5} {fault.name:17} not measured: the time was over")
            continue
        ours = measure(fault, "ours", options.seconds)
        print(line_of(ours, 4), flush=True)
        results.append({"who": "ours", **ours.to_table(), "judged": _judged(ours)})
        for who in peers(fault, options.peers.split(","), options.rows):
            row = measure(fault, who, options.seconds)
            print(peer_line(who, row), flush=True)
            results.append({"who": who, **row.to_table(), "judged": _judged(row)})
    print(f"\nwritten to {save({'about': facts, 'rows': results}).relative_to(ROOT)}")


def _judged(row: Row) -> dict[str, Any]:
    return {name: [verdict.kept, verdict.number] for name, verdict in judge(row, 4).items()}


def save(results: dict[str, Any]) -> Path:
    """Write the results beside those of other days."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / time.strftime("isolation-%Y%m%d-%H%M%S.json")
    path.write_text(json.dumps(results) + "\n", encoding="utf-8")
    return path


if __name__ == "__main__":
    main()
