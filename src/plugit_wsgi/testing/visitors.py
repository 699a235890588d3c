"""A visitor of an app in this process: keeps cookies, reads each answer to its end, broken off or not."""

from __future__ import annotations

import io
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from wsgiref.util import setup_testing_defaults

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a visitor got. Immutable.

    Attributes:
        status: HTTP status.
        headers: as given to the server.
        body: all of it, or what came before it broke off.
        whole: it did not break off.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    whole: bool

    @property
    def text(self) -> str:
        """Headers and body, to be searched."""
        lines = "\n".join(f"{name}: {value}" for name, value in self.headers)
        return f"{lines}\n\n{self.body.decode('utf-8', 'replace')}"


class AppVisitor:
    """A browser without scripts, in front of an app. Thread-safe.

    Args:
        app: what it visits.
        headers: sent with every request.
    """

    def __init__(self, app: WSGIApplication, headers: Mapping[str, str] | None = None) -> None:
        self._app = app
        self._headers = dict(headers or {})
        self._lock = threading.Lock()
        self._cookies: dict[tuple[str, str], str] = {}

    def get(self, target: str) -> Reply:
        """A page."""
        return self._ask("GET", target, b"")

    def post(self, target: str, form: str) -> Reply:
        """A form, urlencoded, with the token that the pages of this path gave."""
        return self._ask("POST", target, form.encode("ascii"))

    def _ask(self, method: str, target: str, body: bytes) -> Reply:
        head: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            head[:] = [status, headers]

        content, whole = [], True
        answer = self._app(self._environ(method, target, body), start_response)
        try:
            for piece in answer:
                content.append(piece)
        except Exception:  # a server would break the connection off
            whole = False
        finally:
            close = getattr(answer, "close", None)
            if close is not None:
                close()
        self._keep(head[1])
        return Reply(status=int(head[0][:3]), headers=tuple(head[1]), body=b"".join(content), whole=whole)

    def _environ(self, method: str, target: str, body: bytes) -> dict[str, Any]:
        path, _, query = target.partition("?")
        environ: dict[str, Any] = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query}
        cookies = {name: value for (name, where), value in self._kept() if path.startswith(where)}
        environ["HTTP_COOKIE"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        environ["HTTP_ACCEPT"] = "text/html"
        for name, value in self._headers.items():
            environ["HTTP_" + name.upper().replace("-", "_")] = value
        if method == "POST":
            environ["HTTP_SEC_FETCH_SITE"] = "same-origin"
            environ["HTTP_X_CSRFTOKEN"] = cookies.get("csrftoken", "")
            environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"] = FORM, str(len(body))
        environ["wsgi.input"] = io.BytesIO(body)
        setup_testing_defaults(environ)
        return environ

    def _kept(self) -> list[tuple[tuple[str, str], str]]:
        with self._lock:
            return list(self._cookies.items())

    def _keep(self, headers: list[tuple[str, str]]) -> None:
        for name, value in headers:
            if name.lower() == "set-cookie":
                pair, *attributes = value.split("; ")
                paths = [item[5:] for item in attributes if item.lower().startswith("path=")]
                with self._lock:
                    self._cookies[pair.partition("=")[0], (paths or ["/"])[0]] = pair.partition("=")[2]


def close_app(app: WSGIApplication) -> None:
    """Gives its connections back, if it has such a method, as `PlugItMiddleware` has."""
    close = getattr(app, "close", None)
    if close is not None:
        close()
