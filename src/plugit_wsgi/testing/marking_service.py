"""The service of the oracle: answers with the marker of whoever it is told visits, and breaks at random."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qs

from .faults import answer, as_json
from .markers import MEMBERS, make_marker
from .scripts import Close, Hang, Received, Script, ToxicServer

SPOILT: Final = 0.15
"""The share of calls."""
SLOW: Final = 0.4
"""Seconds after which what comes is late, for the short limits of the oracle's host."""
LARGE: Final = 200_000
TEMPLATE: Final = (
    '{% extends "plugIt/base.html" %}{% block title %}{{ text }}{% endblock %}'
    "{% block content %}<p>{{ text }} {{ ebuio_u.username }}</p>{% csrf_token %}{% endblock %}"
)
_WISH: Final = {"user_info": ["id"]}
METAS: Final[dict[str, dict[str, Any]]] = {
    "public": {"cache_time": 2},
    "mine": {"cache_time": 2, "only_logged_user": True, **_WISH},
    "fresh": _WISH,
    "byuser": {"cache_time": 2, "cache_by_user": True, **_WISH},
    "members": {"cache_time": 2, "only_member_user": True, "cache_by_user": False},
    "json": {"cache_time": 2, "json_only": True, **_WISH},
    "bare": {"no_template": True, **_WISH},
    "file": _WISH,
    "large": _WISH,
    "hop": _WISH,
    "remember": {},
    "recall": {},
    "post": _WISH,
}


class MarkingService:
    """The service. Thread-safe; a context manager.

    Args:
        seed: of the faults.
        spoilt: the share of calls, 0 to 1.

    Attributes:
        url: its base URL.
        faults: how many calls it has spoilt.
    """

    def __init__(self, seed: int, spoilt: float = SPOILT) -> None:
        self._server = ToxicServer(self._respond, kept=0)
        self._dice = random.Random(seed)
        self._spoilt = spoilt
        self._lock = threading.Lock()
        self._breaks = False
        self.url = self._server.url
        self.faults = 0

    def __enter__(self) -> MarkingService:
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()

    def break_from_now_on(self) -> None:
        """Until now it was well."""
        self._breaks = True

    def _respond(self, request: Received) -> Script:
        good = respond(request)
        with self._lock:
            if not self._breaks or self._dice.random() >= self._spoilt:
                return [good]
            self.faults += 1
            spoil = self._dice.choice(FAULTS)
        return spoil(good)


def respond(request: Received) -> bytes:
    """What it answers when it is well."""
    target, _, query = request.target.decode("latin-1").partition("?")
    call, _, action = target.lstrip("/").partition("/")
    given = parse_qs(query) | parse_qs(request.body.decode("latin-1"))
    if call == "meta" and action in METAS:
        # Asked for again and again, so that faults come in the way here too.
        return as_json({"template_tag": "1", **METAS[action]}, "Cache-Control: max-age=1")
    if call == "template" and action in METAS:
        return answer(TEMPLATE.encode(), "Content-Type: text/html")
    if call == "action" and action in METAS:
        return _act(action, given, dict(request.headers))
    return answer(b"", status="404 Not Found")


def _act(action: str, given: dict[str, list[str]], headers: dict[bytes, bytes]) -> bytes:
    who = given.get("ebuio_u_id", [""])[0]
    marker = make_marker(who) if who else "nobody"
    sent = given.get("v", [""])[0]
    if action in ("file", "large"):
        size = LARGE if action == "large" else 100
        body = f"{marker}{'.' * size}{marker}".encode()
        return answer(
            body, "Content-Type: application/x-marker", "EbuIo-PlugIt-ItAFile: yes", f'ETag: "{marker}"'
        )
    if action == "hop":
        return as_json({}, f"EbuIo-PlugIt-Redirect: /fresh?for={marker}")
    if action == "remember":
        return as_json({"text": sent}, f"EbuIo-PlugIt-SetSession-mark: {sent}")
    if action == "recall":
        return as_json({"text": headers.get(b"x-plugitsession-mark", b"").decode("latin-1")})
    if action == "members":
        return as_json({"text": MEMBERS})
    if action == "public":
        return as_json({"text": "for everybody"})
    # A tag that tells who was here would be a leak on a page that is shared; these are not.
    return as_json({"text": f"{marker} {sent}"}, f'ETag: "{marker}"')


def _hinted(good: bytes) -> Script:
    """An interim answer with the secrets of the real one."""
    text = good.partition(b"\r\n\r\n")[2][:200].replace(b"\n", b" ")
    return [b"HTTP/1.1 103 Early Hints\r\nLink: <" + text + b">; rel=preload\r\n\r\n", good]


def _failed(good: bytes) -> Script:
    """A debug page that tells all."""
    body = good.partition(b"\r\n\r\n")[2]
    return [answer(b"Traceback: " + body, "Content-Type: text/html", status="500 Internal Server Error")]


FAULTS: Final[tuple[Callable[[bytes], Script], ...]] = (
    _hinted,
    _failed,
    lambda _good: [Close()],
    lambda good: [good, Close()],
    lambda good: [good, Close(reset=True)],
    lambda good: [good[: len(good) // 2], Close()],
    lambda good: [good[: len(good) // 2], Close(reset=True)],
    lambda good: [good[:-3], Hang(SLOW), good[-3:]],
    lambda good: [Hang(SLOW), good],
    lambda good: [good + good],
    lambda good: [good.replace(b"Content-Length: ", b"Content-Length: -")],
    lambda good: [good.replace(b"Content-Length: ", b"Transfer-Encoding: chunked\r\nContent-Length: ")],
)
"""Ways to spoil a good answer.

Not among them: the same answer once more, a moment later. Over a kept connection nobody can tell it from the
answer to the next request; a service that does so mixes up its own visitors, under any HTTP/1.1 client.
"""
