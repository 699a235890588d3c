"""HTML of mails as text."""

from __future__ import annotations

import time

import pytest

from plugit_wsgi.mail.html_text import text_of_html

LINKS = {
    "where it leads": ('See <a href="https://x.example/a?b=1&amp;c">the poll</a>.', "See the poll (https://x.example/a?b=1&c)."),
    "said already": ('<a href="https://x.example"> https://x.example </a>', "https://x.example"),
    "not of the web": ('<a href="javascript:alert(1)">here</a> <a href="/there">there</a>', "here there"),
    "no target": ("<a>here</a></a>", "here"),
    "never closed": ('<p><a href="https://x.example">here</p><p>there', "here\n\nthere"),
    "two": (
        '<a href="https://x.example">one</a><br><a href="https://y.example"><b>t</b>wo</a>',
        "one (https://x.example)\ntwo (https://y.example)",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("document", "text"), LINKS.values(), ids=LINKS)
def test_links_may_say_where_they_lead(document: str, text: str) -> None:
    """A reader without HTML can follow them; a service gets the words alone."""
    assert text_of_html(document, links=True) == text
    assert "(https://" not in text_of_html(document)


@pytest.mark.parametrize("tag", ["<p>", "<li>", "<br>"])
def test_a_million_tags(tag: str) -> None:
    """Of a page that no person wrote the words are kept, and the host goes on with its own work."""
    began = time.process_time()
    assert text_of_html(tag * 1_000_000 + "Words").split() == ["Words"]
    assert time.process_time() - began < 2
