"""The ledger: it finds nothing where nothing is wrong, and finds what is."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import pytest

from plugit_wsgi.testing import ledger
from plugit_wsgi.testing.ledger import LedgerReport, run_ledger

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def test_no_post_is_doubled_and_none_is_lost() -> None:
    """With kills at random moments."""
    report = run_ledger(seconds=2.5, seed=7)
    report.check()
    assert report.stored >= report.accepted > 50
    assert report.kills >= 2


def wrapped(change: Callable[..., Iterable[bytes]]) -> Callable[[str], WSGIApplication]:
    """A host of the defaults, with something around it."""

    def make_app(url: str) -> WSGIApplication:
        app: Any = ledger._plain_host(url)

        def around(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            if environ["REQUEST_METHOD"] == "POST":
                return change(app, environ, start_response)
            return app(environ, start_response)

        around.close = app.close
        return around

    return make_app


def test_a_host_that_posts_twice_is_found() -> None:
    """What was stored twice is named."""

    def twice(app: Any, environ: Any, start_response: Any) -> Any:
        body = environ["wsgi.input"].read()
        for _ in range(2):
            environ["wsgi.input"] = io.BytesIO(body)
            answer = list(app(environ, start_response))
        return answer

    report = run_ledger(wrapped(twice), seconds=1.0, seed=1)
    assert report.doubled
    with pytest.raises(AssertionError, match=report.doubled[0]):
        report.check()


def test_a_host_that_calls_everything_fine_is_found() -> None:
    """What was answered 2xx and is not there is named."""

    def liar(app: Any, environ: Any, start_response: Any) -> Any:
        return app(environ, lambda _status, headers, *_: start_response("200 OK", headers))

    report = run_ledger(wrapped(liar), seconds=2.0, seed=1)
    assert report.lost
    with pytest.raises(AssertionError, match=report.lost[0]):
        report.check()


@pytest.mark.parametrize(("accepted", "kills", "word"), [(0, 3, "accepted"), (3, 0, "never killed")])
def test_a_run_that_shows_nothing_is_none(accepted: int, kills: int, word: str) -> None:
    """All refused, or nobody killed."""
    report = LedgerReport(
        posts=9, accepted=accepted, stored=3, kills=kills, doubled=(), lost=(), statuses={502: 9}
    )
    with pytest.raises(AssertionError, match=word):
        report.check()
