"""Where a service sends a caller: the action that a target names, and the path that a relative one means."""

from __future__ import annotations

import pytest

from plugit_wsgi.targets import action_target, resolved, without_dots


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("action/", ("/", "")),
        ("action/stations/", ("/stations/", "")),
        ("action/show/1?x=y&x=z&b=", ("/show/1", "x=y&x=z&b=")),
        ("action/a%20b%3Fc", ("/a b?c", "")),
        ("action/%C3%A9", ("/\xc3\xa9", "")),
        ("action/%2e%2e/x", ("/../x", "")),
        ("action//x", ("//x", "")),
        ("action/x?ebuio_u_pk=1&a=1", ("/x", "a=1")),
        ("action/x?a=\xe9", ("/x", "a=%E9")),
        ("action/x?", ("/x", "")),
        ("action", None),
        ("action?x", None),
        ("actions/x", None),
        ("Action/x", None),
        ("meta/x", None),
        ("media/x", None),
        ("", None),
        ("/action/x", None),
    ],
)
def test_action_target(target: str, found: tuple[str, str] | None) -> None:
    """Decoded once, as a server would have; the reserved fields are gone."""
    assert action_target(target) == found


@pytest.mark.parametrize(
    ("target", "kept"),
    [
        ("a/b", "a/b"),
        ("a//b", "a//b"),
        ("a/../b/./c", "b/c"),
        ("../../admin", "admin"),
        ("a/../../../admin/..", ""),
        ("%2e%2e/.%2E/%2e./b", "b"),
        ("a/.", "a/"),
        ("a/b/..", "a/"),
        ("a//../b", "a/b"),
        ("..//evil.example", "evil.example"),
        ("...", "..."),
        ("..a/b..", "..a/b.."),
        ("..%2fb", "..%2fb"),
        ("a?b=/../c#/../d", "a?b=/../c#/../d"),
        ("../#?/..", "#?/.."),
        ("", ""),
    ],
)
def test_without_dots(target: str, kept: str) -> None:
    """As a browser at the root of a host, where nothing climbs higher."""
    assert without_dots(target) == kept


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("b", "/dir/b"),
        ("../b?../c", "/b?../c"),
        ("b#../c", "/dir/b#../c"),
        ("%2e%2e/%2e%2e/b", "/b"),
        (".", "/dir/"),
        ("..", "/"),
        ("?q", "/dir/page?q"),
        ("#f", "/dir/page#f"),
        ("", "/dir/page"),
        ("/b/../c", "/b/../c"),
        ("https://evil.example", "https://evil.example"),
        ("mailto:a", "mailto:a"),
    ],
)
def test_resolved(location: str, path: str) -> None:
    """Relative ones, from the page they came from."""
    assert resolved(location, "/dir/page") == path
