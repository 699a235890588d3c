"""Tokens of a visit: ours, or what the host's own protection says."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import pytest
import webob
from tests.unit.visiting import SECRETS, visit

from plugit_wsgi import PlugItMiddleware, Service
from plugit_wsgi.csrf import Tokens
from plugit_wsgi.errors import CsrfRejected
from plugit_wsgi.tokens import VisitTokens

OWN = Tokens(SECRETS.derived("csrf"), "x")


class Hook:
    """A host whose token is told, and which remembers what it was asked."""

    def __init__(self, token: Any = "good", answer: Any = True) -> None:
        self.token = token
        self.answer = answer
        self.requests: list[webob.Request] = []

    def issue(self, request: webob.Request) -> tuple[str, Sequence[str]]:
        self.requests.append(request)
        return self.token, ["host=1; Path=/"]

    def is_valid(self, request: webob.Request, token: str) -> bool:
        self.requests.append(request)
        return self.answer if token == self.token else False


def is_refused(tokens: VisitTokens, token: str) -> bool:
    try:
        tokens.check(token, visit())
    except CsrfRejected as error:
        return error.status == 403
    return False


def test_the_host_issues_and_checks() -> None:
    """Ours counts no more."""
    hook, here = Hook(), visit()
    tokens = VisitTokens(OWN, hook)
    assert tokens.issue(here) == "good"
    assert list(tokens.take_cookies(here)) == ["host=1; Path=/"]
    assert list(tokens.take_cookies(here)) == []
    assert not is_refused(tokens, "good")
    assert is_refused(tokens, OWN.issue(here.visitor_id, None))
    assert not tokens.is_known("good", here)


def test_without_a_host_ours_counts() -> None:
    """And sets nothing of a host's."""
    tokens, here = VisitTokens(OWN), visit()
    token = tokens.issue(here)
    tokens.check(token, here)
    assert tokens.is_known(token, here)
    assert list(tokens.take_cookies(here)) == []


def test_the_host_is_not_asked_about_no_token() -> None:
    """Some protections take a request without one for one that needs none."""
    hook = Hook(token="")
    assert is_refused(VisitTokens(OWN, hook), "")
    assert hook.requests == []


@pytest.mark.parametrize("answer", [None, 0, 1, "yes", [1], object()])
def test_only_true_is_true(answer: object) -> None:
    """An answer object of a framework's middleware is true to `if`, and means a refusal."""
    assert is_refused(VisitTokens(OWN, Hook(answer=answer)), "good")


@pytest.mark.parametrize(
    "token", ["", " ", "a b", 'a"b', "a;b", "a,b", "a<b", "a'b", "a\nb", "é", "\\", None, b"a"]
)
def test_a_token_that_would_break_out_is_the_hosts_mistake(token: Any) -> None:
    """It stands in a cookie and in an attribute."""
    with pytest.raises(TypeError, match=r"csrf\.issue"):
        VisitTokens(OWN, Hook(token=token)).issue(visit())


@pytest.mark.parametrize("token", ["a", "A-_.~09", "a.b:c/d+e=", "!#$%()*"])
def test_tokens_of_frameworks_are_fine(token: str) -> None:
    """Whatever may stand there."""
    assert VisitTokens(OWN, Hook(token=token)).issue(visit()) == token


def test_the_body_stays_here() -> None:
    """The host gets the request, cookies and all, with an empty body; ours can still be read."""
    body = io.BytesIO(b"a=1")
    environ = {
        "REQUEST_METHOD": "POST",
        "CONTENT_LENGTH": "3",
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "wsgi.input": body,
        "HTTP_COOKIE": "c=1",
        "HTTP_TRANSFER_ENCODING": "chunked",
    }
    hook, here = Hook(), visit(environ)
    VisitTokens(OWN, hook).check("good", here)
    (seen,) = hook.requests
    assert (seen.method, seen.body, dict(seen.cookies), dict(seen.POST)) == ("POST", b"", {"c": "1"}, {})
    assert body.read() == b"a=1"
    seen.environ["HTTP_COOKIE"] = "changed"
    assert here.environ["HTTP_COOKIE"] == "c=1"


def test_a_hook_that_raises_is_the_hosts_failure() -> None:
    """A 500 page, and never a request that passes."""

    class Broken(Hook):
        def is_valid(self, request: webob.Request, token: str) -> bool:
            raise LookupError("the host's store is gone")

    service = Service("x", "http://127.0.0.1:9", mode="pages")
    middleware = PlugItMiddleware(_no_host, services=[service], secret_key="s" * 32, csrf=Broken())
    request = webob.Request.blank("/s/x/a", method="POST", headers={"X-CSRFToken": "good"})
    answer = request.get_response(middleware)
    middleware.close()
    assert answer.status_code == 500
    assert "LookupError" not in answer.text


def _no_host(_environ: Any, start_response: Any) -> list[bytes]:
    start_response("404 Not Found", [])
    return []
