"""Where a service sends a caller: the action that a target names."""

from __future__ import annotations

import pytest

from plugit_wsgi.targets import action_target


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
