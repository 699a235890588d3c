"""A toxic service: it speaks the protocol, and the path names what is wrong with it.

::

    python -m plugit_wsgi.testing.toxic --port 5001

The action ``/hang`` hangs, ``/on-meta/hang`` hangs when asked for its meta, ``/on-template/hang`` for its
template; any other action is well, and so are all of them after ``heal``. `faults.FAULTS` is the table.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Literal, get_args
from urllib.parse import parse_qs, urlsplit

from .faults import FAULTS, Asked, Fault, answer, as_json
from .scripts import (
    HANG,
    Close,
    Drip,
    Hang,
    Pause,
    Received,
    Script,
    Sip,
    Step,
    ToxicServer,
    Until,
    ok,
)

__all__ = [
    "FAULTS",
    "HANG",
    "Close",
    "Drip",
    "Fault",
    "Hang",
    "Pause",
    "Received",
    "Script",
    "Sip",
    "State",
    "Step",
    "ToxicServer",
    "ToxicService",
    "Until",
    "ok",
]

State = Literal["toxic", "well", "refuse", "black-hole"]
MEDIA: Final = b"media of a toxic service\n" * 40
TEMPLATE: Final = (
    '{% extends "plugIt/base.html" %}{% block title %}Toxic{% endblock %}'
    "{% block content %}<p>{{ text }}</p>{% endblock %}"
)


class ToxicService:
    """The service. Thread-safe; a context manager.

    Args:
        port: to listen at, on 127.0.0.1; 0 is any.
        admin_port: where it takes orders, so that it can be told to listen again; 0 is any.

    Attributes:
        server: the socket side.
        admin: takes orders: ``/status``, ``/be/STATE``, ``/reset``, ``/api?url=&key=``.
    """

    def __init__(self, port: int = 0, admin_port: int = 0) -> None:
        self.server = ToxicServer(self._respond, address=("127.0.0.1", port), kept=0)
        self.admin = ToxicServer(self._obey, address=("127.0.0.1", admin_port), kept=0)
        self._lock = threading.Lock()
        self._calls: Counter[str] = Counter()
        self._turns: Counter[str] = Counter()
        self._state: State = "toxic"
        self._busy = 0
        self._api = ("", "")

    @property
    def url(self) -> str:
        """Its base URL."""
        return self.server.url

    @property
    def calls(self) -> dict[str, int]:
        """How often each call came: ``action/hang`` -> 3."""
        with self._lock:
            return dict(self._calls)

    @property
    def busy(self) -> int:
        """Calls that are being answered now."""
        return self._busy

    def __enter__(self) -> ToxicService:
        self.server.__enter__()
        self.admin.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.admin.__exit__()
        self.server.__exit__()

    def be(self, state: State) -> None:
        """From now on toxic (as the paths say), well, refusing connections, or a black hole."""
        before, self._state = self._state, state
        if state == "refuse":
            self.server.refuse()
        elif state == "black-hole":
            self.server.swallow()
        elif before in ("refuse", "black-hole"):
            self.server.listen()

    def heal(self) -> None:
        """Every action is well."""
        self.be("well")

    def harm(self) -> None:
        """Every action is as its path says."""
        self.be("toxic")

    def reset(self) -> None:
        """Forgets what it counted."""
        with self._lock:
            self._calls.clear()
            self._turns.clear()

    def use_api(self, url: str, key: str) -> None:
        """Tells it where the host's API is, for ``api-callback``."""
        self._api = (url, key)

    def _respond(self, request: Received) -> Script:
        target = request.target.decode("latin-1").partition("?")[0]
        call, _, action = target.lstrip("/").partition("/")
        with self._lock:
            self._calls[f"{call}/{action}"] += 1
            turn = self._turns[f"{call}/{action}"]
            self._turns[f"{call}/{action}"] += 1
        fault = self._fault_of(call, action)
        healthy = _HEALTHY.get(call, _nothing)
        if fault is None:
            return self._played(healthy(action, self._state, request))
        asked = Asked(healthy=_data_of(call, action), turn=turn, time=time.monotonic(), api=self._api)
        return self._played(fault.script(asked))

    def _fault_of(self, call: str, action: str) -> Fault | None:
        where, _, name = action.rpartition("/")
        fault = FAULTS.get(name)
        if fault is None or self._state != "toxic":
            return None
        spoilt = where.removeprefix("on-") if where.startswith("on-") else fault.on
        return fault if call == spoilt or (call == "media" and spoilt == "action") else None

    def _played(self, script: Script) -> Iterator[Step]:
        with self._lock:
            self._busy += 1
        try:
            yield from script
        finally:
            with self._lock:
                self._busy -= 1

    def _obey(self, request: Received) -> Script:
        parts = urlsplit(request.target.decode("latin-1"))
        order, _, word = parts.path.strip("/").partition("/")
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if order == "be" and word in get_args(State):
            self.be(word)  # type: ignore[arg-type]  # it is one of them
        elif order == "reset":
            self.reset()
        elif order == "api":
            self.use_api(query.get("url", ""), query.get("key", ""))
        elif order != "status":
            return [answer(b"status, be/STATE, reset, api?url=&key=", status="404 Not Found")]
        return [as_json(self._status())]

    def _status(self) -> dict[str, Any]:
        return {
            "state": self._state,
            "busy": self._busy,
            "connections": self.server.open_connections,
            "calls": self.calls,
        }


def _data_of(call: str, action: str) -> dict[str, Any]:
    if call == "meta":
        return {"template_tag": "well"}
    return {"text": f"the action {action}", "items": list(range(100))}


def _meta(action: str, state: State, _request: Received) -> Script:
    # What is broken in meta or template must be asked for again, or nobody would notice.
    where, _, name = action.rpartition("/")
    is_kept = name not in FAULTS or (not where and FAULTS[name].on in ("action", "listen"))
    tag = "well" if is_kept or state != "toxic" else f"toxic-{name}"
    cache = {"cache_time": 1, "cache_by_user": False} if name == "hot" else {}
    return [as_json({"template_tag": tag, **cache}, f"Cache-Control: max-age={300 if is_kept else 0}")]


def _nothing(_action: str, _state: State, _request: Received) -> Script:
    return [answer(b"no such call", status="404 Not Found")]


def _ping(_action: str, _state: State, request: Received) -> Script:
    query = parse_qs(request.target.decode("latin-1").partition("?")[2])
    return [as_json({"data": query.get("data", [""])[0]})]


_HEALTHY: Final[dict[str, Callable[[str, State, Received], Script]]] = {
    "meta": _meta,
    "template": lambda *_: [answer(TEMPLATE.encode(), "Content-Type: text/html")],
    "action": lambda action, *_: [as_json(_data_of("action", action))],
    "media": lambda *_: [answer(MEDIA, "Content-Type: text/plain")],
    "ping": _ping,
    "version": lambda *_: [as_json({"result": "Ok", "version": "1", "protocol": "plugit-toxic"})],
    "mail": lambda *_: [as_json({"result": "Ok"})],
}


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line: serves until it is killed."""
    parser = argparse.ArgumentParser(
        prog="python -m plugit_wsgi.testing.toxic",
        description="A service that breaks as the path says: the action /hang hangs.",
        epilog="faults: " + ", ".join(FAULTS),
    )
    parser.add_argument("--port", type=int, default=0, help="to listen at; 0 is any (default)")
    parser.add_argument("--admin-port", type=int, default=0, help="where it takes orders; 0 is any (default)")
    options = parser.parse_args(arguments)
    with ToxicService(options.port, options.admin_port) as service:
        urls = {"service": service.url, "admin": service.admin.url}
        print(f"Serving {service.url}\nOrders {service.admin.url}", flush=True)
        print(json.dumps(urls), flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
