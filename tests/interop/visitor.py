"""A browser reduced to what these tests need: a cookie jar, no redirects followed, paths sent as written."""

from __future__ import annotations

import http.client
import json
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.support import planted

Headers = Mapping[str, str]


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
        """The body as UTF-8 text."""
        return self.body.decode("utf-8")

    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)

    def element(self, ident: str) -> str:
        """Inner markup of the element with this id, blanks at its ends removed."""
        found = re.search(rf'<(\w+)[^>]*\bid="{re.escape(ident)}"[^>]*>(.*?)</\1>', self.text, re.DOTALL)
        assert found is not None, f"no element #{ident} in {self.status}: {self.text[:2000]}"
        return found.group(2).strip()

    def field(self, name: str) -> str:
        """Value of the form field of this name; the layout around ``<main>`` has forms of its own."""
        for tag in re.findall(r"<input[^>]*>", self.text.partition("<main")[2] or self.text):
            if re.search(rf"""name=["']{re.escape(name)}["']""", tag):
                value = re.search(r"""value=["']([^"']*)["']""", tag)
                return value.group(1) if value else ""
        raise AssertionError(f"no field {name} in {self.status}: {self.text[:2000]}")


class Visitor:
    """One browser at one site. Not thread-safe."""

    def __init__(self, url: str, mount: str) -> None:
        """Visit the mount at ``mount`` (no trailing slash) of the site at ``url``."""
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port is not None
        self._address = (parts.hostname, parts.port)
        self.origin = f"http://{parts.hostname}:{parts.port}"
        self.mount = mount
        self.cookies: dict[str, str] = {}

    def get(self, path: str, headers: Headers | None = None) -> Answer:
        """GET ``mount + path``."""
        return self.send("GET", path, headers=headers)

    def send(
        self,
        method: str,
        path: str,
        *,
        headers: Headers | None = None,
        body: bytes = b"",
        absolute: bool = False,
    ) -> Answer:
        """Send one request; ``absolute`` leaves out the mount. Cookies are kept, whatever their Path."""
        lines = dict(headers or {})
        if self.cookies:
            lines.setdefault("Cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        connection = http.client.HTTPConnection(*self._address, timeout=20)
        try:
            connection.request(method, path if absolute else self.mount + path, body or None, lines)
            response = connection.getresponse()
            answer = Answer(response.status, tuple(response.getheaders()), response.read())
        finally:
            connection.close()
        planted.check(f"{answer.headers!r}".encode() + answer.body, path)
        self._keep_cookies(answer)
        return answer

    def post(self, path: str, fields: Iterable[tuple[str, str]], headers: Headers | None = None) -> Answer:
        """POST a urlencoded form."""
        lines = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        return self.send("POST", path, headers=lines, body=urlencode(list(fields)).encode())

    def upload(
        self, path: str, fields: Iterable[tuple[str, str]], files: Iterable[tuple[str, str, str, bytes]]
    ) -> Answer:
        """POST a multipart form; a file is field, file name, content type, content."""
        kind, body = multipart(fields, files)
        return self.send("POST", path, headers={"Content-Type": kind}, body=body)

    def become(self, mode: str) -> Visitor:
        """Switch to a user of the stand-alone mode: ``ano``, ``log``, ``mem`` or ``adm``."""
        answer = self.get(f"/ebuio_setUser?mode={mode}")
        assert answer.status < 400, f"setUser: {answer.status}"
        return self

    def token(self, page: str = "/form/") -> str:
        """A CSRF token for this visitor, from a page with a form."""
        return self.get(page).field("csrfmiddlewaretoken")

    def _keep_cookies(self, answer: Answer) -> None:
        for name, value in answer.headers:
            if name.lower() == "set-cookie":
                for key, morsel in SimpleCookie(value.strip()).items():
                    self.cookies[key] = morsel.coded_value


def multipart(
    fields: Iterable[tuple[str, str]], files: Iterable[tuple[str, str, str, bytes]]
) -> tuple[str, bytes]:
    """Content type and body of a multipart form."""
    boundary = uuid.uuid4().hex
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields
    ]
    for name, filename, kind, content in files:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
        parts.append(f"{head}Content-Type: {kind}\r\n\r\n".encode() + content + b"\r\n")
    parts.append(f"--{boundary}--\r\n".encode())
    return f"multipart/form-data; boundary={boundary}", b"".join(parts)
