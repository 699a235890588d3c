"""Polls for other programs: a table for a spreadsheet, a feed for a feed reader."""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Iterable
from xml.etree import ElementTree

from store import Poll

DECLARATION = '<?xml version="1.0" encoding="utf-8"?>\n'
ATOM = "http://www.w3.org/2005/Atom"
ElementTree.register_namespace("", ATOM)


def to_csv(poll: Poll) -> bytes:
    """The results as CSV, UTF-8 with the mark that spreadsheets look for."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["Response", "Votes", "Percent"])
    writer.writerows([_cell(each.text), each.votes, each.share] for each in poll.responses)
    return text.getvalue().encode("utf-8-sig")


def _cell(text: str) -> str:
    # A spreadsheet takes a cell that begins with one of these for a formula, and runs it; the apostrophe
    # makes it text. Whoever writes a response must not run code on the machine of who downloads the table.
    return "'" + text if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def to_atom(polls: Iterable[Poll]) -> str:
    """An Atom feed (RFC 4287). ElementTree escapes whatever is in a title."""
    polls = list(polls)
    feed = ElementTree.Element(f"{{{ATOM}}}feed")
    _add(feed, "id", "urn:uuid:9ad5cd8c-33a3-5bd5-a6a8-6b0a3ac2dd1d")
    _add(feed, "title", "Polls")
    _add(feed, "updated", max((poll.created for poll in polls), default="1970-01-01T00:00:00Z"))
    for poll in polls:
        entry = _add(feed, "entry")
        _add(entry, "id", uuid.uuid5(uuid.NAMESPACE_OID, f"{poll.id} {poll.created}").urn)
        _add(entry, "title", poll.title)
        _add(entry, "updated", poll.created)
        _add(_add(entry, "author"), "name", poll.author or "The polls")
        _add(entry, "content", poll.description or ", ".join(each.text for each in poll.responses))
    return DECLARATION + ElementTree.tostring(feed, encoding="unicode")


def _add(parent: ElementTree.Element, name: str, text: str | None = None) -> ElementTree.Element:
    element = ElementTree.SubElement(parent, f"{{{ATOM}}}{name}")
    element.text = text
    return element
