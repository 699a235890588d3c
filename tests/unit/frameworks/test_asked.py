"""What a host is asked with, and which of its cookies go out."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support import planted

from plugit_wsgi import PlugItMiddleware, Service
from plugit_wsgi.frameworks.asked import AskedHost, asked_environ, keep_cookies


@pytest.mark.parametrize(
    ("header", "lines", "expected"),
    [
        ("", ["a=1; Path=/"], "a=1"),
        ("a=0; b=2", ["a=1; Path=/"], "b=2; a=1"),
        ("a=0; b=2", ["a=1", "a=3; HttpOnly"], "b=2; a=3"),
        ("a=0; b=2", ["a=; Path=/"], "b=2"),
        ("a=0; b=2", ['a=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/'], "b=2"),
        ("a=0", ["a=gone; Max-Age=0"], ""),
        ("a=0", ["a=gone; max-age=-1; Path=/"], ""),
        ("a=0", ["a=here; Max-Age=10"], "a=here"),
        ("aa=0", ["a=1"], "aa=0; a=1"),
    ],
)
def test_a_cookie_that_was_set_is_seen_next(header: str, lines: list[str], expected: str) -> None:
    """The last one of a name; what was ended is gone."""
    environ: dict[str, Any] = {"PATH_INFO": "/s/polls/", "HTTP_COOKIE": header}
    keep_cookies(environ, lines)
    assert asked_environ(environ)["HTTP_COOKIE"] == expected
    assert environ["HTTP_COOKIE"] == header


def test_the_host_is_asked_by_a_get_without_a_body() -> None:
    """The service's body is not the host's to read; place and query are those of the visitor."""
    asked = asked_environ(
        {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": "/s/polls/vote",
            "QUERY_STRING": "a=b",
            "CONTENT_LENGTH": "5",
            "CONTENT_TYPE": "application/x-www-form-urlencoded",
            "HTTP_X_PLUGIT_USER": "root",
            "wsgi.input": object(),
        }
    )
    assert (asked["REQUEST_METHOD"], asked["PATH_INFO"], asked["QUERY_STRING"]) == (
        "GET",
        "/s/polls/vote",
        "a=b",
    )
    assert asked["wsgi.input"].read(10) == b""
    assert not asked.keys() & {"CONTENT_LENGTH", "CONTENT_TYPE", "HTTP_X_PLUGIT_USER"}


def test_a_passing_request_reaches_the_host_untouched() -> None:
    """The very same environ, without a key of ours, and the very same start_response."""
    seen: list[tuple[Any, list[str], Any]] = []

    def host_app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append((environ, list(environ), start_response))
        return []

    def build(app: Any) -> PlugItMiddleware:
        return PlugItMiddleware(app, [Service("polls", "http://127.0.0.1:9")], planted.SECRET)

    environ: dict[str, Any] = {"PATH_INFO": "/about"}

    def start_response(*_arguments: Any) -> Any:
        raise AssertionError

    AskedHost(host_app, build)(environ, start_response)
    assert seen[0][0] is environ
    assert seen[0][1] == ["PATH_INFO"]
    assert seen[0][2] is start_response


@pytest.mark.parametrize(
    ("said", "goes_out"), [("private", 1), ("no-store", 1), ("public, max-age=9", 0), ("", 0)]
)
def test_cookies_go_out_where_no_shared_cache_keeps_the_answer(said: str, goes_out: int) -> None:
    """A page that a proxy keeps would hand a visitor's session to everybody."""
    sent: list[tuple[str, str]] = []

    class Answering:
        def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
            keep_cookies(
                dict(environ),
                [
                    "a=1",
                    "a=2",
                ],
            )
            start_response("200 OK", [("Cache-Control", said)] if said else [])
            return []

    host = AskedHost(lambda environ, start_response: [], lambda app: Answering())  # type: ignore[arg-type,return-value]
    host({"PATH_INFO": "/"}, lambda status, headers: sent.extend(headers))  # type: ignore[arg-type,return-value]
    assert [value for name, value in sent if name == "Set-Cookie"] == ["a=2"] * goes_out
