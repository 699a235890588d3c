"""A browser reduced to what these tests need: cookies, and bytes exactly as they are on the wire."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterable
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from tests.support import planted

PATIENCE = 20.0
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]*)"')


@dataclass(frozen=True)
class Answer:
    """What came back. Immutable."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """Values of this header, joined with ", "; None without one."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return ", ".join(values) if values else None

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8")

    @property
    def token(self) -> str:
        """The token of the form on the page."""
        found = _TOKEN.search(self.text)
        assert found is not None, f"no form on the page: {self.status} {self.text}"
        return found[1]


class Visitor:
    """Somebody with a browser of their own; follows no redirects. One per thread.

    Args:
        url: Of the host, below its SCRIPT_NAME.
        person: Who is logged in; "" is nobody.
    """

    def __init__(self, url: str, person: str = "") -> None:
        parts = urlsplit(url)
        self.connection = http.client.HTTPConnection(parts.netloc, timeout=PATIENCE)
        self.below = parts.path
        self.cookies: dict[tuple[str, str], str] = {("person", "/"): person} if person else {}

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def get(self, target: str, **options: Any) -> Answer:
        """A GET of a path of the host."""
        return self.ask("GET", target, **options)

    def post(self, target: str, **options: Any) -> Answer:
        """A POST to a path of the host."""
        return self.ask("POST", target, **options)

    def ask(self, method: str, target: str, **options: Any) -> Answer:
        """One request and its whole answer.

        Raises:
            http.client.IncompleteRead: the answer broke off.
        """
        response = self.begin(method, target, **options)
        try:
            body = response.read()
        finally:
            response.close()
        planted.check(body, target)
        planted.check(repr(response.headers.items()), target)
        return Answer(response.status, tuple(response.headers.items()), body)

    def begin(
        self,
        method: str,
        target: str,
        *,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes | Iterable[bytes] | None = None,
    ) -> http.client.HTTPResponse:
        """One request, and the head of its answer; an iterable is sent in chunks.

        A server may close a connection that was idle; the request is sent again on a new one then.
        """
        try:
            return self._begin(method, target, headers, body)
        except (http.client.BadStatusLine, BrokenPipeError, ConnectionResetError):
            self.connection.close()
            return self._begin(method, target, headers, body)

    def _begin(
        self,
        method: str,
        target: str,
        headers: Iterable[tuple[str, str]],
        body: bytes | Iterable[bytes] | None,
    ) -> http.client.HTTPResponse:
        target = self.below + target
        self.connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in [*self._cookie_line(target), *headers]:
            self.connection.putheader(name, value)
        if isinstance(body, bytes):
            self.connection.putheader("Content-Length", str(len(body)))
        elif body is not None:
            self.connection.putheader("Transfer-Encoding", "chunked")
        self.connection.endheaders(body, encode_chunked=not isinstance(body, bytes))
        response = self.connection.getresponse()
        self._keep(response)
        return response

    def _cookie_line(self, target: str) -> list[tuple[str, str]]:
        sent = [f"{name}={value}" for (name, path), value in self.cookies.items() if target.startswith(path)]
        return [("Cookie", "; ".join(sent))] if sent else []

    def _keep(self, response: http.client.HTTPResponse) -> None:
        for line in response.headers.get_all("Set-Cookie", []):
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name, morsel["path"] or "/"] = morsel.value
