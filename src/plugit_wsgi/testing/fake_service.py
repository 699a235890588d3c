"""A service whose every answer a test writes by hand, and which remembers how it was called."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call on the service. Immutable.

    Attributes:
        method: HTTP method.
        target: path and query, percent-encoded as they came over the wire.
        headers: names in lower case with hyphens.
        body: as received.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The target's query."""
        return self.target.partition("?")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer of the service. Immutable.

    Attributes:
        status: HTTP status.
        headers: beside Content-Type and Content-Length.
        body: text is sent as UTF-8, any other value as JSON.
        content_type: None leaves the choice to `body`.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: Any = field(default_factory=dict)
    content_type: str | None = None

    def content(self) -> bytes:
        """The body as bytes."""
        if isinstance(self.body, bytes):
            return self.body
        return (
            self.body.encode("utf-8") if isinstance(self.body, str) else json.dumps(self.body).encode("utf-8")
        )


Answer = Reply | Callable[[Call], Reply]


class FakeService:
    """A WSGI application that speaks the protocol as it is told to. Thread-safe.

    Attributes:
        calls: all calls so far, in the order in which they came.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._answers: dict[str, Answer] = {}
        self._lock = threading.Lock()
        self.answer("/ping", lambda call: Reply(body={"data": call.query.partition("data=")[2]}))
        self.answer("/version", Reply(body={"result": "Ok", "version": "1", "protocol": "plugit-fake"}))

    def answer(self, path: str, answer: Answer) -> None:
        """What a path, percent-encoded, answers; to any method."""
        self._answers[path] = answer

    def action(
        self,
        path: str,
        *,
        meta: Mapping[str, Any] | None = None,
        template: str | None = None,
        answer: Answer | Mapping[str, Any] | None = None,
    ) -> None:
        """An action.

        Args:
            path: canonical, with a leading slash.
            meta: rules and cache; ``template_tag`` follows from the template. Not kept by the host.
            template: None is an action without one.
            answer: a reply, what makes one out of a call, or the data of a page.
        """
        tag = "" if template is None else f"tag-{hash(template) & 0xFFFFFFFF:08x}"
        no_cache = (("Cache-Control", "max-age=0"),)
        self.answer(f"/meta{path}", Reply(body={"template_tag": tag, **(meta or {})}, headers=no_cache))
        if template is not None:
            self.answer(f"/template{path}", Reply(body=template, content_type="text/html"))
        data = answer if isinstance(answer, Reply) or callable(answer) else Reply(body=dict(answer or {}))
        self.answer(f"/action{path}", data)

    def called(self, prefix: str) -> list[Call]:
        """The calls whose path begins with `prefix`."""
        return [call for call in self.calls if call.path.startswith(prefix)]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """WSGI (PEP 3333)."""
        call = _read(environ)
        with self._lock:
            self.calls.append(call)
        answer = self._answers.get(call.path, Reply(status=404, body="not found"))
        reply = answer if isinstance(answer, Reply) else answer(call)
        content = reply.content()
        kind = reply.content_type or (
            "text/html" if isinstance(reply.body, (str, bytes)) else "application/json"
        )
        bodiless = reply.status in (204, 304)
        headers = [*reply.headers]
        if not bodiless:
            headers += [("Content-Type", kind), ("Content-Length", str(len(content)))]
        start_response(f"{reply.status} Told", headers)
        return [] if bodiless or call.method == "HEAD" else [content]


def _read(environ: WSGIEnvironment) -> Call:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    headers = {
        key[5:].replace("_", "-").lower(): str(value)
        for key, value in environ.items()
        if key.startswith("HTTP_")
    }
    if environ.get("CONTENT_TYPE"):
        headers["content-type"] = environ["CONTENT_TYPE"]
    target = environ.get("REQUEST_URI") or environ["PATH_INFO"]
    return Call(
        method=environ["REQUEST_METHOD"],
        target=target,
        headers=headers,
        body=environ["wsgi.input"].read(length) if length else b"",
    )
