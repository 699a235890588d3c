"""Results are values: one class per kind of answer."""

from __future__ import annotations

import dataclasses

import pytest

from plugit_wsgi.wire.result import (
    NO_WRITES,
    ActionResult,
    Data,
    File,
    Html,
    Moved,
    Redirect,
    SessionWrites,
    Status,
)

ONE_OF_EACH = (
    Data(value={}, raw=b"{}"),
    Redirect(target="/", absolute=False),
    File(body=(b"x",)),
    Html(body=b"", content_type="", framed=True),
    Status(status=404),
    Moved(status=301, target="action/"),
)


@pytest.mark.parametrize("result", ONE_OF_EACH, ids=lambda result: type(result).__name__)
def test_every_kind_is_frozen_and_carries_the_same(result: ActionResult) -> None:
    """Status, headers, session writes; nothing can be changed later."""
    assert isinstance(result, ActionResult)
    assert result.headers == ()
    assert result.writes is NO_WRITES
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.status = 1  # type: ignore[misc]
    with pytest.raises((AttributeError, TypeError)):
        result.more = 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("writes", "something"),
    [
        (SessionWrites(), False),
        (SessionWrites(stored=(("a", ""),)), True),
        (SessionWrites(deleted=("a",)), True),
    ],
)
def test_writes_are_true_if_there_are_any(writes: SessionWrites, something: bool) -> None:
    """An empty value is a value; a deletion is a write."""
    assert bool(writes) is something


def test_what_is_not_said_of_an_answer() -> None:
    """200, and no body."""
    assert ActionResult().status == 200
    assert (Status(status=404).body, Status(status=404).content_type) == (b"", "")


@pytest.mark.parametrize(
    "writes",
    [SessionWrites(stored=(("a", ""),)), SessionWrites(deleted=("a",)), SessionWrites(cookies=("a=1",))],
)
def test_each_write_counts(writes: SessionWrites) -> None:
    """A cookie alone as well."""
    assert writes
    assert not NO_WRITES
