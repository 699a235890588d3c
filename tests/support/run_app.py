"""Runs a WSGI app under one of the servers: `run_app.py SERVER FILE NAME BELOW validate|""`.

Listens on a free port of the loopback and then prints `Serving http://127.0.0.1:PORT`.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from wsgiref.validate import validator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    Load = Callable[[], WSGIApplication]

HOST = "127.0.0.1"
THREADS = 8


def say(port: int) -> None:
    """Print where the app answers."""
    print(f"Serving http://{HOST}:{port}", flush=True)


def below(prefix: str, app: WSGIApplication) -> WSGIApplication:
    """Move `prefix` from PATH_INFO to SCRIPT_NAME, as a front server does."""

    def shifted(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path != prefix and not path.startswith(prefix + "/"):
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"outside of the SCRIPT_NAME"]
        environ["SCRIPT_NAME"] += prefix
        environ["PATH_INFO"] = path[len(prefix) :]
        return app(environ, start_response)

    return shifted


def run_wsgiref(load: Load) -> None:
    """The reference server: one thread, HTTP/1.0."""
    from wsgiref.simple_server import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the output is for errors."""

    with make_server(HOST, 0, load(), handler_class=Quiet) as server:
        say(server.server_port)
        server.serve_forever()


def run_werkzeug(load: Load) -> None:
    """Werkzeug's development server, threaded."""
    from werkzeug.serving import make_server

    server = make_server(HOST, 0, load(), threaded=True)
    say(server.server_port)
    server.serve_forever()


def run_gunicorn(load: Load) -> None:
    """gunicorn: one gthread worker of eight threads; the app is loaded after the fork."""
    from gunicorn.app.base import BaseApplication

    class Embedded(BaseApplication):
        def load_config(self) -> None:
            settings = {
                "bind": f"{HOST}:0",
                "worker_class": "gthread",
                "workers": 1,
                "threads": THREADS,
                "loglevel": "error",
                "control_socket_disable": True,  # releases before 25 know no such socket
                "post_worker_init": lambda worker: say(worker.sockets[0].getsockname()[1]),
            }
            for name in settings.keys() & self.cfg.settings.keys():
                self.cfg.set(name, settings[name])

        def load(self) -> WSGIApplication:
            return load()

    Embedded().run()


def run_waitress(load: Load) -> None:
    """waitress, eight threads."""
    from waitress import create_server

    server = create_server(load(), host=HOST, port=0, threads=THREADS)
    say(server.effective_port)
    server.run()


def run_cheroot(load: Load) -> None:
    """cheroot, eight threads."""
    from cheroot.wsgi import Server

    # Of 32 visitors at once, its default of 5 leaves some to try again after a second.
    server = Server((HOST, 0), load(), numthreads=THREADS, request_queue_size=128)
    server.prepare()
    say(server.bind_addr[1])
    server.serve()


def text_port(app: WSGIApplication) -> WSGIApplication:
    """Werkzeug gives REMOTE_PORT as an int, which the validator would blame on the app."""

    def corrected(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if "REMOTE_PORT" in environ:
            environ["REMOTE_PORT"] = str(environ["REMOTE_PORT"])
        return app(environ, start_response)

    return corrected


def load_file(file: Path) -> ModuleType:
    """Import a file under its own name, as if its folder were the place it was started in."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[file.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(server: str, file: str, name: str, prefix: str, validate: str) -> None:
    """Run one server until it is ended."""
    sys.path.insert(0, str(Path(file).parent))

    def load() -> WSGIApplication:
        app: WSGIApplication = getattr(load_file(Path(file)), name)
        if validate:
            app = text_port(validator(app))
        return below(prefix, app) if prefix else app

    globals()[f"run_{server}"](load)


if __name__ == "__main__":
    del sys.path[0]  # tests/support: its modules are no part of the app
    main(*sys.argv[1:])
