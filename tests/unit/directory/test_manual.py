"""What docs/directory.md shows works as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

from plugit_wsgi.directory import StaticDirectory
from plugit_wsgi.directory.sql import SqlDirectory
from plugit_wsgi.directory.table import read_people
from plugit_wsgi.people import Membership, Organization, Rights
from plugit_wsgi.testing.clock import FakeClock

TEXT = (Path(__file__).parents[3] / "docs" / "directory.md").read_text(encoding="utf-8")
RADIO = Membership(Organization("radio", "Harbour Radio", "chhr"), admin=True)


def shown(kind: str, word: str) -> str:
    """The block with this word in it."""
    (found,) = (
        code
        for code in re.findall(rf"```{kind}\n(.*?)```", TEXT, re.DOTALL)
        if re.search(rf"\b{word}\b", code)
    )
    return str(found)


def test_the_file(tmp_path: Path, sqlite_url: str) -> None:
    """Of a StaticDirectory; and it can be imported."""
    path = tmp_path / "people.toml"
    path.write_text(shown("toml", "users"), encoding="utf-8")
    clock = FakeClock(1_801_000_000)
    static = StaticDirectory.from_file(path, clock=clock)
    labels = ("early", "gold", "statistics")
    assert static.visitor("7", "polls") == (Rights(member=True, admin=True), (RADIO,), labels)
    assert static.visitor("7", "notes") == (Rights(member=True), (RADIO,), ())
    from_file = SqlDirectory(sqlite_url, clock=clock)
    from_file.save(read_people(path))
    assert from_file.visitor("7", "polls") == static.visitor("7", "polls")
    assert from_file.visitor("7", "notes") == static.visitor("7", "notes")
    from_file.close()


def test_the_changes(sqlite_url: str) -> None:
    """One after the other, and again."""
    directory = SqlDirectory(sqlite_url, clock=FakeClock(1_801_000_000))
    names: dict[str, object] = {}
    exec(shown("python", "welcome"), names)
    for _again in range(2):
        names["welcome"](directory)  # type: ignore[operator]
    assert directory.visitor("7", "polls")[0] == Rights(member=True)
    assert directory.visitor("7", "polls")[2] == ("gold",)
    assert directory.groups("7") == ("testers",)
    directory.close()
