"""Link headers of pages mode -> elements of the page's head, and never anything else."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugit_wsgi.head_links import head_of_links


def same(target: str) -> str | None:
    return target


@pytest.mark.parametrize(
    ("value", "head"),
    [
        ('</a.css>; rel="stylesheet"', '<link rel="stylesheet" href="/a.css">'),
        ("</a.css>;rel=stylesheet", '<link rel="stylesheet" href="/a.css">'),
        ("</a.css> ; REL = Stylesheet", '<link rel="stylesheet" href="/a.css">'),
        (
            '</a.css>; rel=stylesheet; media="(min-width: 3em)"; type=text/css',
            '<link rel="stylesheet" href="/a.css" type="text/css" media="(min-width: 3em)">',
        ),
        ("</a.js>; rel=script", '<script src="/a.js" defer></script>'),
        ("</a.js>; rel=script; type=module", '<script src="/a.js" type="module"></script>'),
        ("</a.js>; rel=script; type=text/javascript", '<script src="/a.js" defer></script>'),
        (
            "</f>; rel=preload; as=font; crossorigin",
            '<link rel="preload" href="/f" as="font" crossorigin="">',
        ),
        ("</i.png>; rel=\"icon\"; sizes=16x16", '<link rel="icon" href="/i.png" sizes="16x16">'),
        ('</a>; rel="next prev evil"', '<link rel="next prev" href="/a">'),
        ("</a>; rel=next, </b>; rel=prev", '<link rel="next" href="/a">\n<link rel="prev" href="/b">'),
        ('</a>; rel=next; title="a, b; c"', '<link rel="next" href="/a" title="a, b; c">'),
        ("</a>; rel=next, </a>; rel=next", '<link rel="next" href="/a">'),
        ("</a>", ""),
        ("</a>; rel=evil", ""),
        ("</a>; rel=dns-prefetch", ""),
        ("</a>; rel=import", ""),
        ("</a>; onload=alert(1); rel=next", '<link rel="next" href="/a">'),
        ('</a>; rel=next; style="x"; id=y; class=z; onerror="x"', '<link rel="next" href="/a">'),
        ("rel=next", ""),
        ("", ""),
        ("<>; rel=next", '<link rel="next" href="">'),
    ],
)  # fmt: skip
def test_elements(value: str, head: str) -> None:
    """Known relations and attributes only; each target once, in order."""
    assert head_of_links([value], same) == head


def test_targets_are_rewritten_or_left_out() -> None:
    """By whoever knows the mount."""
    values = ["</a>; rel=next, <http://evil>; rel=next", "</b>; rel=script"]
    head = head_of_links(values, lambda target: "/s/x" + target if target.startswith("/") else None)
    assert head == '<link rel="next" href="/s/x/a">\n<script src="/s/x/b" defer></script>'


class Elements(HTMLParser):
    """All start tags, and all text between them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.text += data


KNOWN = {
    "rel",
    "href",
    "src",
    "defer",
    "type",
    "media",
    "as",
    "title",
    "hreflang",
    "crossorigin",
    "integrity",
}
pieces = st.lists(
    st.sampled_from(
        [*"<>\"';=, \n", "/a", "rel", "stylesheet", "script", "title", "media", "onload",
         "alert(1)", "\n", "&quot;", "&#34;", "</script>", "<script>", "\\", "type", "module", "é"]
    ),
    max_size=20,
).map("".join)  # fmt: skip


@given(pieces, st.sampled_from(["", "</a>; rel=stylesheet; title=", '</a>; rel=script; type="', "<"]))
def test_no_attribute_and_no_element_is_injected(more: str, start: str) -> None:
    """Whatever the header holds: link and script elements, known attributes, no text."""
    parser = Elements()
    parser.feed(str(head_of_links([start + more], same)))
    parser.close()
    assert parser.text.strip() == ""
    for tag, attributes in parser.tags:
        assert tag in ("link", "script")
        assert {name for name, _value in attributes} <= KNOWN | {"sizes"}


@pytest.mark.parametrize(
    "value",
    [
        '</a" onload="alert(1)>; rel=stylesheet',
        "</a' onload='alert(1)>; rel=stylesheet",
        "</a>; rel=stylesheet; title=\"x' onload='alert(1)\"",
        "</a>; rel=stylesheet; media=x' onload='y",
        "</a&quot; onload=x>; rel=script",
    ],
)
def test_known_injections(value: str) -> None:
    """One element, no handler."""
    parser = Elements()
    parser.feed(str(head_of_links([value], same)))
    assert len(parser.tags) == 1
    assert {name for name, _value in parser.tags[0][1]} <= KNOWN | {"sizes"}


def test_long_nonsense_is_read_in_no_time() -> None:
    """The header is 32 KiB at most; no pattern takes more than linear time for it."""
    for text in (
        "<a>" + ";a" * 8000,
        "<a>;a" + " " * 30000,
        "<" * 30000,
        '<a>;a="' * 4000,
        "<a>;rel=" + "x " * 9000,
    ):
        head_of_links([text], same)
