"""What the body of an answer in pages mode says of its page."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugit_wsgi.body_head import MOST_METAS, split_body

META = '<meta name="description" content="All our polls">'


@pytest.mark.parametrize(
    ("body", "title", "content"),
    [
        ("<title>Polls</title><p>", "Polls", "<p>"),
        ("\ufeff\n <TITLE>\n  Our\n polls </TITLE>\n<p>", "Our polls", "<p>"),
        ("<title>Tea &amp; &lt;b&gt;</title>", "Tea & <b>", ""),
        ("<title></title><p>", "", "<p>"),
        (f"<title>{'x' * 500}</title>", "x" * 500, ""),
    ],
)
def test_a_title_at_the_beginning_is_the_pages(body: str, title: str, content: str) -> None:
    """As text; the content goes on after it."""
    assert split_body(body) == (title, "", content)


@pytest.mark.parametrize(
    "body",
    [
        "<p>text</p><title>later</title>",
        "<!-- first --><title>later</title>",
        "<title lang=de>attributes</title>",
        "<title >blank</title>",
        "<title>with <b>markup</b></title>",
        "<title>no end",
        "<title>nul \0</title>",
        f"<title>{'x' * 501}</title>",
        "<svg><title>drawn</title></svg>",
        "  text",
        "",
    ],
)
def test_anything_else_is_content(body: str) -> None:
    """Byte for byte."""
    assert split_body(body) == ("", "", body)


def test_meta_elements_beside_the_title_are_for_the_head() -> None:
    """Before it and after it, in order."""
    other = '<meta property="og:title" content="Polls"/>'
    assert split_body(f"{META}\n<title>Polls</title>\n{other}\n<p>") == ("Polls", f"{META}\n{other}", "<p>")


@pytest.mark.parametrize(
    "body",
    [
        '<meta http-equiv="refresh" content="0; url=/">',
        '<meta charset="utf-8">',
        '<meta name="a" content="b" onload="c">',
        '<meta name="a" content="b" http-equiv="refresh">',
        "<meta name=a content=b>",
        '<meta name="a" content="<script>">',
        f'<meta name="a" content="{"x" * 1001}">',
        '<metadata name="a" content="b">',
    ],
)
def test_other_meta_elements_are_content(body: str) -> None:
    """What steers the browser is no word about the page."""
    assert split_body(body) == ("", "", body)


def test_a_second_title_is_content() -> None:
    """There is one."""
    assert split_body("<title>a</title><title>b</title>") == ("a", "", "<title>b</title>")


@given(st.text(alphabet="<title>/ mea\n&;x", max_size=60))
def test_no_text_is_lost(body: str) -> None:
    """What is not taken out is there."""
    title, metas, content = split_body(body)
    assert body.endswith(content)
    assert "<" not in metas or metas.startswith("<meta")
    assert title or metas or content == body or "title" in body.lower()


@pytest.mark.parametrize("piece", [META, "<title>", "<meta ", '<meta name="a" content="', " "])
def test_reading_takes_no_time(piece: str) -> None:
    """However long the body is."""
    body = piece * (2_000_000 // len(piece))
    started = time.perf_counter()
    _title, metas, _content = split_body(body)
    assert metas.count("<meta") <= MOST_METAS
    assert time.perf_counter() - started < 0.5
