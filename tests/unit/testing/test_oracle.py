"""The oracle: it finds nothing where nothing leaks, and finds what does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import pytest

from plugit_wsgi.testing import oracle
from plugit_wsgi.testing.markers import MARKER, MEMBERS, make_marker
from plugit_wsgi.testing.oracle import OracleReport, run_oracle

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def test_nobody_sees_what_is_anothers() -> None:
    """Over cached and uncached pages, sessions, files, redirects, forms, with faults on."""
    report = run_oracle(requests=800, seed=3)
    report.check()
    assert report.requests > 800
    assert {200, 302, 403, 502} <= report.statuses.keys()


def changed(change: Callable[[WSGIApplication], WSGIApplication]) -> oracle.MakeApp:
    def make_app(url: str, identify: Any) -> WSGIApplication:
        app: Any = oracle._plain_host(url, identify)
        around: Any = change(app)
        around.close = app.close
        return around

    return make_app


def keep_pages(app: WSGIApplication) -> WSGIApplication:
    """A cache that forgets who asked."""
    kept: dict[str, tuple[Any, list[bytes]]] = {}

    def cached(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if environ["REQUEST_METHOD"] != "GET" or not path.endswith("/mine"):
            return app(environ, start_response)
        if path in kept:
            start_response("200 OK", kept[path][0])
            return kept[path][1]
        head: list[Any] = []
        body = list(app(environ, lambda *given: head.append(given)))
        start_response(*head[0])
        if head[0][0] == "200 OK":
            kept[path] = (head[0][1], body)
        return body

    return cached


def share_browsers(app: WSGIApplication) -> WSGIApplication:
    """All who are not logged in have the cookies of the one who stored last; those of others name a user."""
    jar: dict[str, str] = {}

    def shared(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        remembers = environ["PATH_INFO"].endswith("/remember")
        is_nobody = environ["HTTP_X_ORACLE_VISITOR"].startswith("-")
        sent = environ["HTTP_COOKIE"]

        def noted(status: str, headers: Any, *rest: Any) -> Any:
            if remembers and is_nobody:
                given = [value.partition("; ")[0] for name, value in headers if name == "Set-Cookie"]
                jar.update(pair.split("=", 1) for pair in [*sent.split("; "), *given])
            return start_response(status, headers, *rest)

        if environ["PATH_INFO"].endswith("/recall") and is_nobody:
            environ["HTTP_COOKIE"] = "; ".join(f"{name}={value}" for name, value in jar.items())
        return app(environ, noted)

    return shared


def mix_up_people(app: WSGIApplication) -> WSGIApplication:
    """Whoever asks for the members' page is one."""

    def mixed(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"].endswith("/members"):
            environ["HTTP_X_ORACLE_VISITOR"] = "1"
        return app(environ, start_response)

    return mixed


@pytest.mark.parametrize(
    ("change", "targets"),
    [
        (keep_pages, {"mine"}),
        (share_browsers, {"recall"}),
        (mix_up_people, {"members"}),
    ],
)
def test_a_host_that_leaks_is_found(
    change: Callable[[WSGIApplication], WSGIApplication], targets: set[str]
) -> None:
    """And where. Nothing breaks here: a page that fails leaks nothing."""
    report = run_oracle(changed(change), requests=400, users=2, seed=5, spoilt=0)
    assert {leak.target for leak in report.leaks} == targets
    with pytest.raises(AssertionError, match="leaks"):
        report.check()


@pytest.mark.parametrize(("own", "faults", "word"), [(3, 9, "hardly"), (90, 0, "nothing broke")])
def test_a_run_that_shows_nothing_is_none(own: int, faults: int, word: str) -> None:
    """Error pages leak nothing, and a service that never breaks tries nobody."""
    report = OracleReport(requests=100, own=own, faults=faults, leaks=(), statuses={200: 100})
    with pytest.raises(AssertionError, match=word):
        report.check()


def test_markers_are_found_and_are_each_ones_own() -> None:
    markers = {make_marker(who) for who in range(-2, 100)} | {MEMBERS}
    assert len(markers) == 103
    assert all(re.fullmatch(MARKER, marker) for marker in markers)
