"""What the tests of the SDK share: a service out of functions, a validated client, signed calls."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from wsgiref.validate import validator

from werkzeug.test import Client, TestResponse

from plugit_wsgi.sdk import ServiceApp, action
from plugit_wsgi.wire.context import SignedContext, digest
from plugit_wsgi.wire.keys import format_service_key, load_secrets, service_keys

NOW = 1_700_000_000.0
SECRETS = load_secrets("a secret of the host, long enough: 32")
KEYS = service_keys(SECRETS, "polls")
KEY = format_service_key(KEYS)


class Browser(Client):
    """A client that reads each answer to its end and closes it, as a server does."""

    def open(self, *arguments: Any, **options: Any) -> TestResponse:
        """As `werkzeug.test.Client.open`."""
        return super().open(*arguments, **{"buffered": True, **options})


def service(*functions: Callable[..., Any], **options: Any) -> Browser:
    """A client of a service with these actions; wsgiref.validate stands between."""
    module = SimpleNamespace(**{function.__name__: function for function in functions})
    return Browser(validator(ServiceApp(module, **options)))


def call(function: Callable[..., Any], **request: Any) -> TestResponse:
    """The answer of a service with one action at ``/``, to a request for it."""
    return service(function).open("/action/", **request)


def answering(result: Any, *decorators: Callable[[Any], Any], methods: tuple[str, ...] = ("GET",)) -> Any:
    """An action at ``/`` that returns `result`."""

    def answer(request: Any) -> Any:
        return result

    for decorator in decorators:
        answer = decorator(answer)
    return action("/", methods=methods)(answer)


def sign(
    method: str = "GET", path: str = "/action/", query: bytes = b"", body: bytes = b"", **claims: Any
) -> str:
    """A context of the host for one call."""
    values: dict[str, Any] = {
        "audience": "polls",
        "issued": NOW,
        "expires": NOW + 60,
        "token_id": "token-1",
        "method": method,
        "path": path,
        "query_digest": digest(query),
        "body_digest": digest(body),
        **claims,
    }
    keys = values.pop("keys", KEYS)
    return SignedContext(**values).sign(keys)
