"""Heads of services in parts, and what stands twice in them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugit_wsgi.head_parts import distinct_parts, elements, without_doubles

LINK, SCRIPT = '<link rel="stylesheet" href="/x.css">', '<script src="/x.js"></script>'
PIECES = st.sampled_from(
    [LINK, SCRIPT, "<script>n++</script>", "<!-- a -->", "<meta charset=x>", "\n", "<link '", "</style>", "<"]
)


@pytest.mark.parametrize(
    ("head", "left"),
    [
        (f"{LINK}{LINK}", LINK),
        (f"{LINK}\n{SCRIPT}\n{LINK}\n{SCRIPT}", f"{LINK}\n{SCRIPT}\n\n"),
        (f"<LINK a>{LINK}<LINK a>", f"<LINK a>{LINK}"),
        ("<meta name=a><meta name=b><meta name=a>", "<meta name=a><meta name=b>"),
        ("<script type=module src=a></script>" * 2, "<script type=module src=a></script>"),
        ("<link a><link b>", "<link a><link b>"),
        ("<script>n++</script>" * 2, "<script>n++</script>" * 2),
        ("<script>a = ' src='</script>" * 2, "<script>a = ' src='</script>" * 2),
        ("<style>a{}</style>" * 2, "<style>a{}</style>" * 2),
        (f"<!--{LINK}-->" * 2, f"<!--{LINK}-->" * 2),
        (f"<noscript>{LINK}</noscript>{LINK}", f"<noscript>{LINK}</noscript>{LINK}"),
        (f"{LINK}<script>no end {LINK}{LINK}", f"{LINK}<script>no end {LINK}{LINK}"),
    ],
)
def test_what_is_loaded_twice_is_loaded_once(head: str, left: str) -> None:
    """The first one stays, in its place; what runs in the page itself may want to run twice."""
    assert without_doubles(head) == left


@given(st.lists(PIECES, max_size=12))
def test_nothing_but_doubles_goes(pieces: list[str]) -> None:
    """A second time changes nothing, and each element that was there still is."""

    def found(text: str) -> set[str]:
        return {part for part in elements(text) if part.startswith(("<link", "<script", "<meta", "<!--"))}

    head = "".join(pieces)
    left = without_doubles(head)
    assert without_doubles(left) == left
    assert found(left) == found(head)


def test_a_head_of_many_thousand_parts_is_left_alone_after_some() -> None:
    """So that a service cannot stop the page with its head; nothing is lost."""
    head = "".join(f"<link {number}>" for number in range(3000)) * 2
    assert without_doubles(head) == head


def test_the_parts_of_several_heads_stand_once() -> None:
    """In the order of the heads, without what is empty."""
    assert distinct_parts([f"{LINK}\n", f" {SCRIPT}{LINK}", ""]) == [LINK, SCRIPT]


@pytest.mark.parametrize(
    ("head", "parts"),
    [
        ("<link a><meta b>", ["<link a>", "<meta b>"]),
        ("<script>if (a<b) '<link c>'</script >x", ["<script>if (a<b) '<link c>'</script >", "x"]),
        ("<link title='a>b' d><!-- <link> -->", ["<link title='a>b' d>", "<!-- <link> -->"]),
        ("<style>a>b{}</STYLE><title>t</title>", ["<style>a>b{}</STYLE>", "<title>t</title>"]),
        ("<link a><script>no end <link b>", ["<link a>", "<script>no end <link b>"]),
        ("<link a><link title='no end ><link b>", ["<link a>", "<link title='no end ><link b>"]),
    ],
)
def test_a_head_is_cut_into_elements(head: str, parts: list[str]) -> None:
    """No part is lost, none is cut in two."""
    found = list(elements(head))
    assert "".join(found) == head
    assert [part for part in found if part] == parts


@pytest.mark.parametrize(
    "piece", ["<script", "<script>", "<link '", "<!--", "<link ", '<style>"', "<meta ''"]
)
def test_cutting_takes_time_in_proportion(piece: str) -> None:
    """A service cannot stop the page with its head."""
    started = time.perf_counter()
    list(elements(piece * (1_000_000 // len(piece))))
    assert time.perf_counter() - started < 2
