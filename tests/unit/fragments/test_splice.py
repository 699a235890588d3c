"""Putting fragments into a page."""

from __future__ import annotations

from markupsafe import Markup

from plugit_wsgi.fragments.marks import FragmentMarks, MarkFinder, mark_keys
from plugit_wsgi.fragments.splice import spliced
from plugit_wsgi.page import Fragment
from plugit_wsgi.wire.keys import load_secrets

SECRET = "a secret of the tests, long enough."
plugit_fragment = FragmentMarks(SECRET)
A, B = (str(plugit_fragment(f"/{name}", "none")) for name in "ab")
LINK = '<link rel="stylesheet" href="/x.css">'


def put(page: str, **fragments: Fragment) -> str:
    """The page with the fragments at /a and /b."""
    marks = MarkFinder(mark_keys(load_secrets(SECRET))).find(page.encode())
    found = {f"/{name}": fragment for name, fragment in fragments.items()}
    return spliced(page.encode(), marks, found, "utf-8").decode()


def fragment(content: str, head: str = "") -> Fragment:
    return Fragment(content=Markup(content), head=Markup(head))


def test_fragments_stand_where_the_marks_were() -> None:
    """And the text of a mark where there is none."""
    assert put(f"1{A}2{B}3", b=fragment("B")) == "1none2B3"


def test_heads_come_before_the_end_of_the_head() -> None:
    """In the order of the page, each part once; nothing of a service that shows nothing."""
    page = f"<head>h</HEAD ><body>{A}{B}"
    both = put(page, b=fragment("B", f"{LINK}<script>b</script>"), a=fragment("A", LINK))
    assert both == f"<head>h{LINK}\n<script>b</script>\n</HEAD ><body>AB"


def test_a_part_that_the_host_has_is_not_put_in_again() -> None:
    """Byte for byte the same."""
    assert put(f"<head>{LINK}</head>{A}", a=fragment("A", LINK)) == f"<head>{LINK}</head>A"


def test_without_a_head_parts_come_with_the_first_fragment() -> None:
    """Browsers take them there as well."""
    assert put(f"{A}{B}", b=fragment("B", LINK)) == f"none{LINK}\nB"


def test_a_head_that_ends_in_a_fragment_does_not_count() -> None:
    """Neither in what is put in, nor in the text of a mark."""
    page = str(plugit_fragment("/a", Markup("</head>"))) + "</head>"
    assert put(page, a=fragment("</head>A", LINK)) == f"</head>A{LINK}\n</head>"


def test_nothing_put_in_looks_like_a_mark() -> None:
    """To whatever reads the page later."""
    text = put(f"</head>{A}", a=fragment("<!--plugit:content-->", "<!--plugit:head-->"))
    assert "<!--plugit:" not in text
