"""Copies: what a browser may make of an answer, and which of its copies a deployment is asked about."""

from __future__ import annotations

from typing import Any

import pytest

from plugit_wsgi.http import Answer
from plugit_wsgi.variants.freshness import of_deployment, own_copies

ASK_AGAIN = ("Cache-Control", "private, no-cache")


@pytest.mark.parametrize(
    ("given", "variant", "expected"),
    [
        ([], "", [ASK_AGAIN]),
        ([("Cache-Control", "public, max-age=3600"), ("ETag", '"a"')], "", [("ETag", '"a"'), ASK_AGAIN]),
        ([("ETag", '"a"')], "next", [("ETag", '"next~a"'), ASK_AGAIN]),
        ([("etag", 'W/"a"')], "next", [("etag", 'W/"next~a"'), ASK_AGAIN]),
        ([("ETag", "a")], "next", [ASK_AGAIN]),
        ([("ETag", "a")], "", [("ETag", "a"), ASK_AGAIN]),
        ([("Last-Modified", "x")], "", [("Last-Modified", "x"), ASK_AGAIN]),
        ([("Last-Modified", "x")], "next", [ASK_AGAIN]),
        ([("Cache-Control", "private, No-Store")], "next", [("Cache-Control", "private, No-Store")]),
    ],
)
def test_what_may_be_kept_of_an_answer(given: Any, variant: str, expected: Any) -> None:
    """For one visitor, who asks again; a page that nobody keeps stays so."""
    answer = Answer(status=200, headers=tuple(given), body=b"body")
    found = of_deployment(answer, variant)
    assert (list(found.headers), found.body) == (expected, b"body")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"IF_NONE_MATCH": '"next~a"'}, {"IF_NONE_MATCH": '"a"'}),
        ({"IF_NONE_MATCH": '"x", W/"next~a", "next~b"'}, {"IF_NONE_MATCH": 'W/"a", "b"'}),
        ({"IF_NONE_MATCH": '"a"'}, {}),
        ({"IF_NONE_MATCH": "*"}, {}),
        ({"IF_NONE_MATCH": '"nextish~a", "other~next~a"'}, {}),
        ({"IF_MODIFIED_SINCE": "x"}, {}),
        ({"IF_RANGE": '"next~a"', "RANGE": "bytes=1-"}, {"IF_RANGE": '"a"', "RANGE": "bytes=1-"}),
        ({"IF_RANGE": '"a"', "RANGE": "bytes=1-"}, {}),
        ({"IF_RANGE": "Tue, 01 Jan 2030 00:00:00 GMT", "RANGE": "bytes=1-"}, {}),
    ],
)
def test_which_copies_a_variant_is_asked_about(given: dict[str, str], expected: dict[str, str]) -> None:
    """Its own; the environ that came is not changed."""
    environ = {"PATH_INFO": "/a", **{f"HTTP_{name}": value for name, value in given.items()}}
    before = dict(environ)
    found = own_copies(environ, "next")
    assert found == {"PATH_INFO": "/a", **{f"HTTP_{name}": value for name, value in expected.items()}}
    assert environ == before


def test_a_request_without_conditions_is_left_as_it_is() -> None:
    """A range alone is asked for as it came."""
    assert own_copies({"HTTP_RANGE": "bytes=0-1"}, "next") is None
