"""Which mount a path belongs to."""

from __future__ import annotations

import pytest

from plugit_wsgi.errors import ConfigError
from plugit_wsgi.mounts import MountTable

TABLE = MountTable(
    [("/s/polls", "polls"), ("/s/polls/old", "old"), ("/s", "all"), ("/app", "app"), ("/a.b~c", "odd")]
)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/s/polls", ("polls", "/s/polls", "")),
        ("/s/polls/", ("polls", "/s/polls", "/")),
        ("/s/polls/x/y", ("polls", "/s/polls", "/x/y")),
        ("/s/polls/old", ("old", "/s/polls/old", "")),
        ("/s/polls/old/x", ("old", "/s/polls/old", "/x")),
        ("/s/polls/older", ("polls", "/s/polls", "/older")),
        ("/s/pollsx", ("all", "/s", "/pollsx")),
        ("/s", ("all", "/s", "")),
        ("/s//polls", ("all", "/s", "//polls")),
        ("/app/../s/polls", ("app", "/app", "/../s/polls")),
        ("/a.b~c/x", ("odd", "/a.b~c", "/x")),
        ("/sx", None),
        ("/S/polls", None),
        ("/apps", None),
        ("/ap", None),
        ("", None),
        ("/", None),
        ("s/polls", None),
        ("//s/polls", None),
        ("/x/s/polls", None),
    ],
)
def test_longest_prefix_on_segment_boundaries(path: str, found: tuple[str, str, str] | None) -> None:
    """Nested mounts are fine; the longest wins; half a segment is none."""
    assert TABLE.match(path) == found


def test_equal_mounts_are_refused() -> None:
    """By the names of both, at construction."""
    with pytest.raises(ConfigError, match="for each of polls and notes") as caught:
        MountTable([("/s/x", "polls"), ("/s/y", "notes"), ("/s/x", "notes")])
    assert (caught.value.field, caught.value.value) == ("mount", "/s/x")


def test_no_mounts() -> None:
    """A host without services is a host."""
    assert MountTable[str]([]).match("/s/x") is None
