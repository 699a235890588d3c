"""What can be wrong with a service: the table that the toxic service plays, and texts and tests read."""

from __future__ import annotations

import functools
import gzip
import http.client
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from .scripts import Close, Drip, Hang, Pause, Script, Step

Where = Literal["action", "meta", "template", "listen"]
MIB: Final = 1024 * 1024
BEAT: Final = 0.5
"""Seconds between the bytes of what drips."""
LATE: Final = 6.0
"""Seconds after which what comes late comes; more than the deadline of a page."""
_ZEROS: Final = bytes(64 * 1024)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One call that a fault is to answer. Immutable.

    Attributes:
        healthy: the data of the page of a service that is well.
        turn: how often this call was made before.
        time: monotonic, in seconds.
        api: address and key of the host's API; "" where nobody told.
    """

    healthy: dict[str, Any]
    turn: int = 0
    time: float = 0.0
    api: tuple[str, str] = ("", "")

    @property
    def page(self) -> bytes:
        """The answer of a service that is well."""
        return as_json(self.healthy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A way to be broken. Immutable.

    Attributes:
        name: last part of the path that calls it up.
        row: of the fault matrix.
        what: what the service does, after "the service".
        answers: the statuses that are right for a visitor of the action; a busy or a closed service may
            always be 503 instead.
        script: what is sent.
        on: the call that it spoils by itself; "listen" is the whole service, by `ToxicService.be`.
        counts: it is a fault of the service and not of an action, and opens a circuit breaker.
        streams: it is a file; the answer is judged by its end.
    """

    name: str
    row: str
    what: str
    answers: tuple[int, ...] = (502,)
    script: Callable[[Asked], Script]
    on: Where = "action"
    counts: bool = False
    streams: bool = False


def answer(body: bytes, *lines: str, status: str = "200 OK", length: int | None = None) -> bytes:
    """An answer with a length and these header lines."""
    said = len(body) if length is None else length
    head = (f"HTTP/1.1 {status}", f"Content-Length: {said}", *lines, "", "")
    return "\r\n".join(head).encode("latin-1") + body


def as_json(value: object, *lines: str) -> bytes:
    """An answer that is JSON."""
    return answer(json.dumps(value).encode(), "Content-Type: application/json", *lines)


def _always(*steps: Step) -> Callable[[Asked], Script]:
    return lambda _asked: steps


def _status(status: str, *lines: str) -> Callable[[Asked], Script]:
    return _always(answer(b"no", "Content-Type: text/plain", *lines, status=status))


def _data(**more: Any) -> Callable[[Asked], Script]:
    """The page, with more in its data."""
    return lambda asked: [as_json({**asked.healthy, **more})]


def _headers(*lines: str) -> Callable[[Asked], Script]:
    """The page, with more header lines."""
    return lambda asked: [as_json(asked.healthy, *lines)]


def _spoilt(old: bytes, new: bytes) -> Callable[[Asked], Script]:
    """The page, with something in its head replaced."""
    return lambda asked: [asked.page.replace(old, new, 1)]


def _dripping_head(asked: Asked) -> Iterator[Step]:
    yield Drip(b"HTTP/1.1 200 OK\r\n" + b"X-Padding: drip\r\n" * 400, BEAT)


def _dripping_body(asked: Asked) -> Iterator[Step]:
    yield answer(b"{", "Content-Type: application/json", length=100_000)
    yield Drip(b" " * 99_999, BEAT)


def _cut(end: Step) -> Callable[[Asked], Script]:
    return lambda asked: [asked.page[:-5], Pause(0.02), end]


def _once(asked: Asked) -> Script:
    return _status("500 Internal Server Error")(asked) if asked.turn == 0 else [asked.page]


def _changing_meta(asked: Asked) -> Script:
    return [as_json({**asked.healthy, "only_logged_user": bool(asked.turn % 2)}, "Cache-Control: max-age=0")]


def _huge_page(_asked: Asked) -> Iterator[Step]:
    size = 100 * MIB
    yield answer(b"", "Content-Type: application/json", length=size)
    yield from itertools.repeat(b" " * len(_ZEROS), size // len(_ZEROS))


def _huge_file(_asked: Asked) -> Iterator[Step]:
    size = 1024 * MIB
    lines = ("Content-Type: application/octet-stream", "EbuIo-PlugIt-ItAFile: yes")
    yield answer(b"", *lines, length=size)
    yield from itertools.repeat(_ZEROS, size // len(_ZEROS))


@functools.lru_cache
def _bomb() -> bytes:
    # A hundred members one after another (RFC 1952, section 2.2): made in a moment, and once.
    return gzip.compress(b" " * MIB) * 100


def _gzip_bomb(_asked: Asked) -> Script:
    return [answer(_bomb(), "Content-Type: application/json", "Content-Encoding: gzip")]


def _restarting(asked: Asked) -> Script:
    return [Close()] if asked.turn % 2 == 0 else [asked.page]


def _flapping(asked: Asked) -> Script:
    return [asked.page] if int(asked.time) % 2 == 0 else [Close(reset=True)]


def _calling_back(asked: Asked) -> Iterator[Step]:
    address, key = asked.api
    status = _ask(address, key) if address else 0
    # Without an API to call, or with one that has no answer in time, it is not well.
    yield as_json({**asked.healthy, "api": status}) if status else answer(b"", status="500 No API")


def _ask(url: str, key: str) -> int:
    """The status of a GET; 0 without an answer."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=4)
    try:
        connection.request("GET", parts.path, headers={"Authorization": f"Bearer {key}"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def _template(text: str) -> Callable[[Asked], Script]:
    source = '{% extends "plugIt/base.html" %}{% block content %}' + text + "{% endblock %}"
    return _always(answer(source.encode(), "Content-Type: text/html"))


def _meta(value: object) -> Callable[[Asked], Script]:
    return _always(as_json(value, "Cache-Control: max-age=0"))


_LOOP = "{% for a in items %}" * 6 + "x" + "{% endfor %}" * 6
_REACHING = (
    "{{ settings.SECRET_KEY }}{{ request.META }}{{ text.format.func }}{{ text.encode.im_class }}"
    "{{ ebuio_u.objects.all }}{{ block.super.nodelist }}{{ forloop.parentloop }}"
)
_GATEWAY = ("502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout")
_SESSION = [f"EbuIo-PlugIt-SetSession-key{number}: {'v' * 400}" for number in range(60)]


def _fault(name: str, row: str, what: str, script: Callable[[Asked], Script], **more: Any) -> Fault:
    return Fault(name=name, row=row, what=what, script=script, **more)


_HEALTHY = _data()
_TABLE: Final[tuple[Fault, ...]] = (
    _fault("refuse", "F1", "refuses the connection", _HEALTHY, on="listen", counts=True),
    _fault("black-hole", "F3", "does not answer a SYN", _HEALTHY, on="listen", counts=True, answers=(504,)),
    _fault("hang", "F4", "accepts and says nothing", _always(Hang()), answers=(504,)),
    _fault("drip-head", "F5", "sends its head a byte every half second", _dripping_head, answers=(504,)),
    _fault("drip-body", "F6", "sends its body a byte every half second", _dripping_body, answers=(504,)),
    _fault("close", "F7", "closes in mid-body", _cut(Close()), counts=True),
    _fault("reset", "F8", "resets in mid-body", _cut(Close(reset=True)), counts=True),
    _fault(
        "long-body",
        "F9",
        "sends more body than it said",
        lambda asked: [asked.page + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen"],
        counts=True,
    ),
    _fault(
        "negative-length",
        "F10",
        "says Content-Length: -1",
        _spoilt(b"Content-Length: ", b"Content-Length: -"),
        counts=True,
    ),
    _fault(
        "double-length",
        "F10",
        "says two lengths",
        _spoilt(b"Content-Length: ", b"Content-Length: 7\r\nContent-Length: "),
        counts=True,
    ),
    _fault(
        "te-and-cl",
        "F10",
        "says a length, and chunked too",
        _spoilt(b"Content-Length: ", b"Transfer-Encoding: chunked\r\nContent-Length: "),
        counts=True,
    ),
    _fault(
        "bad-chunk",
        "F11",
        "sends a chunk of size 0_2",
        _always(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0_2\r\n{}\r\n0\r\n\r\n"),
        counts=True,
    ),
    _fault(
        "not-http", "F12", "does not speak HTTP", _always(b"220 mail.example ESMTP\r\n", Close()), counts=True
    ),
    _fault("empty", "F12", "closes without a byte", _always(Close()), counts=True),
    _fault("500-once", "F13", "answers 500, once", _once, answers=(500, 200)),
    _fault("500", "F14", "always answers 500", _status("500 Internal Server Error"), answers=(500,)),
    *(
        _fault(text[:3], "F15", f"answers {text[:3]}", _status(text), answers=(int(text[:3]),), counts=True)
        for text in _GATEWAY
    ),
    _fault(
        "429",
        "F15",
        "answers 429 with Retry-After: 3600",
        _status("429 Too Many Requests", "Retry-After: 3600"),
        answers=(429,),
    ),
    _fault(
        "redirect-loop",
        "F16",
        "redirects to itself",
        _status("302 Found", "Location: /action/redirect-loop"),
    ),
    _fault(
        "redirect-away",
        "F17",
        "redirects to another host",
        _status("302 Found", "Location: http://elsewhere.example/action/hang"),
    ),
    _fault(
        "meta-not-json",
        "F18",
        "has a meta that is not JSON",
        _always(answer(b"<html>", "Content-Type: text/html")),
        on="meta",
    ),
    _fault(
        "meta-wrong-type",
        "F19",
        "has a meta of wrong types",
        _meta({"template_tag": "1", "only_logged_user": "false"}),
        on="meta",
    ),
    _fault(
        "meta-only-unknown",
        "F19",
        "has a rule that nobody knows",
        _meta({"template_tag": "1", "only_left_handed_user": True}),
        on="meta",
    ),
    _fault(
        "meta-changes", "F20", "changes its rules each time", _changing_meta, on="meta", answers=(200, 403)
    ),
    _fault("huge-page", "F21", "sends 100 MiB as a page", _huge_page),
    _fault("huge-file", "F21", "sends a file of 1 GiB", _huge_file, answers=(200,), streams=True),
    _fault("gzip-bomb", "F22", "sends 100 kB that unpack to 100 MiB", _gzip_bomb),
    _fault(
        "strange-encoding",
        "F23",
        "encodes its answer as nobody knows",
        _headers("Content-Encoding: br, x-rot13"),
    ),
    _fault(
        "headers-5000",
        "F24",
        "sends 5000 headers",
        lambda asked: [as_json(asked.healthy, *(f"X-{number}: y" for number in range(5000)))],
        counts=True,
    ),
    _fault(
        "interim-20000",
        "F25",
        "sends 20 000 interim answers",
        lambda asked: [b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000 + asked.page],
        counts=True,
    ),
    _fault("status-999", "F25", "answers 999", _status("999 Whatever"), counts=True),
    _fault("template-syntax", "F26", "has a template that is none", _template("{% if %}"), on="template"),
    _fault("template-loop", "F27", "has a template that never ends", _template(_LOOP), on="template"),
    _fault(
        "template-memory",
        "F28",
        "has a template that takes all memory",
        _template('{{ text|ljust:"300000000" }}'),
        on="template",
    ),
    _fault(
        "template-escape",
        "F29",
        "has a template that reaches for the host",
        _template(_REACHING),
        on="template",
        answers=(200, 502),
    ),
    _fault(
        "set-cookie",
        "F30",
        "sets cookies",
        _headers("Set-Cookie: csrftoken=stolen; Path=/", "Set-Cookie: sessionid=stolen; Path=/"),
        answers=(200,),
    ),
    _fault(
        "header-injection",
        "F31",
        "sends CR, LF, NUL in headers",
        _headers("X-Split: a\rSet-Cookie: injected=1", "X-Nul: a\0b"),
        counts=True,
    ),
    _fault(
        "session-flood", "F32", "stores 60 session values of 400 bytes", _headers(*_SESSION), answers=(200,)
    ),
    _fault(
        "redirect-split",
        "F33",
        "leaves by the target of a redirect",
        _headers(
            "EbuIo-PlugIt-Redirect: //elsewhere.example/%0d%0aSet-Cookie:%20injected=1",
            "EbuIo-PlugIt-Redirect-NoPrefix: True",
        ),
    ),
    _fault(
        "restart", "F34", "closes every other time before a byte of its answer", _restarting, answers=(200,)
    ),
    _fault(
        "idle-close",
        "F35",
        "closes after its answer without a word",
        lambda asked: [asked.page, Close()],
        answers=(200,),
    ),
    _fault(
        "late", "F36", f"answers after {LATE:g} s", lambda asked: [Hang(LATE), asked.page], answers=(504,)
    ),
    _fault(
        "flap", "F40", "is well for a second, resets for a second", _flapping, answers=(200, 502), counts=True
    ),
    _fault(
        "hot",
        "F41",
        "needs 0.2 s for a page that is kept for a second",
        lambda asked: [Pause(0.2), asked.page],
        answers=(200,),
    ),
    _fault("api-callback", "F44", "calls the host's API inside an action", _calling_back, answers=(200,)),
)
FAULTS: Final[dict[str, Fault]] = {fault.name: fault for fault in _TABLE}

ELSEWHERE: Final[dict[str, str]] = {
    "F2": "give a service a name that does not resolve",
    "F37": "a visitor that hangs up, or reads slowly",
    "F38": "a visitor that uploads slowly",
    "F39": "a visitor that uploads too much, too many parts, or no end",
    "F42": "stop the cache server",
    "F43": "turn the clock of the service",
    "F45": "start the host while the service refuses",
}
"""Rows that no path of a service can show, and how they are."""
