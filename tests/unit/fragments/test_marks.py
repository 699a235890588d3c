"""Marks: how they are made, and which of them count."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from plugit_wsgi.errors import ConfigError
from plugit_wsgi.fragments.marks import FragmentMarks, MarkFinder, checked_targets, mark_keys
from plugit_wsgi.wire.keys import load_secrets

OLD = "the old secret of the tests, 32 bytes+"
NEW = "the new secret of the tests, 32 bytes+"
plugit_fragment = FragmentMarks(NEW)


def finder(*secrets: str, unsigned: tuple[str, ...] = ()) -> MarkFinder:
    """Of a host with these secrets."""
    return MarkFinder(mark_keys(load_secrets(secrets or (NEW,))), unsigned)


def found(page: str) -> list[tuple[str, str]]:
    """Targets and inner texts."""
    return [(mark.target, mark.inner.decode()) for mark in finder().find(page.encode())]


def test_what_is_made_is_found() -> None:
    """With its text, where it stands."""
    mark = plugit_fragment("/s/polls/latest?limit=3&a=b", "none yet")
    (only,) = finder().find(f"<p>{mark}</p>".encode())
    assert (only.target, only.inner) == ("/s/polls/latest?limit=3&a=b", b"none yet")
    assert (only.start, only.end) == (3, 3 + len(mark))


@given(st.text().map(lambda text: "/" + text).filter(lambda text: "#" not in text and len(text) < 200))
def test_any_path_makes_a_mark_that_is_found(target: str) -> None:
    """One comment, whatever is in the path."""
    try:
        mark = plugit_fragment(target)
    except UnicodeEncodeError:
        return  # half a character has no bytes
    assert len(finder().find(str(mark).encode())) == 1
    assert str(mark).count("-->") == 2


def test_a_fallback_is_escaped_unless_it_is_markup() -> None:
    """As templates do it."""
    assert "&lt;b&gt;" in plugit_fragment("/a", "<b>")
    assert "-->" + "<b>" in plugit_fragment("/a", Markup("<b>"))


@pytest.mark.parametrize("target", ["", "a", "http://a/", "/a#b", "/" + "a" * 2000])
def test_what_is_no_path_is_refused(target: str) -> None:
    """Where the template is written, not where it is shown."""
    with pytest.raises(ValueError, match="expected a path"):
        plugit_fragment(target)


@pytest.mark.parametrize("fallback", ["<!--/plugit-->", "<!--plugit:/a-->"])
def test_a_fallback_with_a_mark_is_refused(fallback: str) -> None:
    """It would end the mark, or be none."""
    with pytest.raises(ValueError, match="without marks"):
        plugit_fragment("/a", Markup(fallback))


def test_a_rotation_loses_no_mark() -> None:
    """All secrets verify, the newest signs."""
    old, both = FragmentMarks(OLD)("/a"), FragmentMarks([OLD, NEW])("/a")
    assert len(finder(OLD, NEW).find(f"{old}{both}".encode())) == 2
    assert len(finder(NEW).find(f"{old}{both}".encode())) == 1
    assert len(finder(OLD).find(both.encode())) == 0


def test_a_signature_is_for_one_purpose() -> None:
    """Whatever else the host signs with its secret is no mark."""
    target = "/a"
    for key in (load_secrets(NEW), mark_keys(load_secrets(NEW))):
        for purpose in ("", "visitor", "cookie/"):
            token = key.sign(target.encode(), purpose).rpartition(".")[2]
            assert found(f"<!--plugit:{target} {token}-->x<!--/plugit-->") == []


def test_one_in_the_text_of_another_is_none() -> None:
    """Text of a mark is shown as it is."""
    inner = str(plugit_fragment("/b", "b"))
    outer = str(plugit_fragment("/a", "@@")).replace("@@", inner)
    assert [target for target, _inner in found(outer)] == ["/a"]


def test_marks_that_do_not_count_hide_none() -> None:
    """A comment before a mark does not swallow it."""
    page = f"<!--plugit:/x-->{plugit_fragment('/a', 'a')}<!--/plugit-->"
    assert found(page) == [("/a", "a")]


FORGED = f"<!--plugit:/a {'A' * 43}-->"


@pytest.mark.parametrize(
    "piece", [FORGED, "<!--plugit:/", "<!--plugit:/a-->", "<!--plugit:/a ", "<!--/plugit-->"]
)
def test_looking_takes_time_in_proportion(piece: str) -> None:
    """Whoever writes half marks cannot stop the page."""
    started = time.perf_counter()
    assert finder().find(piece.encode() * (4_000_000 // len(piece))) == []
    assert time.perf_counter() - started < 0.7


def test_the_argument_of_the_middleware() -> None:
    """True, False, or targets."""
    assert checked_targets(False) is None
    assert checked_targets(True) == ()
    assert checked_targets(["/s/a?b=c"]) == ("/s/a?b=c",)


@pytest.mark.parametrize("wrong", ["/s/a", None, 1, ["s/a"], [1], ["/a b"], ["/a>"]])
def test_a_wrong_argument_is_named(wrong: object) -> None:
    """At construction."""
    with pytest.raises(ConfigError, match="fragments"):
        checked_targets(wrong)


def test_the_secret_is_not_shown() -> None:
    """In no template's debug page."""
    assert not re.search("secret", repr(plugit_fragment))
