"""``plugit-wsgi db``: from nothing to a directory that answers, and what it says if that cannot be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from plugit_wsgi.cli import main
from plugit_wsgi.directory.sql import SqlDirectory
from plugit_wsgi.people import Membership, Organization, Rights

PEOPLE = """
[[organizations]]
id = "radio"
name = "Harbour Radio"

[[users]]
id = 7
username = "zoe"
organizations = [{id = "radio"}]
rights.polls = {member = true}
subscription_labels = ["early"]

[[plans]]
id = "gold"
labels = ["gold"]

[[subscriptions]]
plan = "gold"
organization = "radio"
valid_from = 2020-01-01

[[subscriptions]]
plan = "gold"
user = 7
valid_until = 2020-01-01
"""


@pytest.fixture
def people(tmp_path: Path) -> str:
    """A file."""
    path = tmp_path / "people.toml"
    path.write_text(PEOPLE, encoding="utf-8")
    return str(path)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/people.sqlite3"
    found: str = request.getfixturevalue("postgres").create_database()
    return found


def test_two_commands_make_a_directory_of_a_file(
    url: str, people: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """And again, they change nothing."""
    for _again in range(2):
        assert main(["db", "upgrade", url]) == 0
        assert main(["db", "import", url, people]) == 0
    assert capsys.readouterr() == (
        "The tables have revision 0001.\nImported 1 users and 1 organizations.\n" * 2,
        "",
    )
    directory = SqlDirectory(url)
    radio = Membership(Organization("radio", "Harbour Radio"))
    assert directory.visitor("7", "polls") == (Rights(member=True), (radio,), ("early", "gold"))
    directory.close()


def test_an_import_without_tables_names_the_other_command(
    url: str, people: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence, exit code 1."""
    assert main(["db", "import", url, people]) == 1
    told = capsys.readouterr().err
    assert told.startswith("plugit-wsgi db: ")
    assert "run: plugit-wsgi db upgrade" in told
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["upgrade", "people.sqlite3"], "a URL as sqlite:///people.sqlite3"),
        (["upgrade"], "URL"),
        (["import", "sqlite:///x.sqlite3"], "FILE"),
        (["import", "sqlite:///x.sqlite3", "nowhere.toml"], "nowhere.toml"),
        (["downgrade", "sqlite:///x.sqlite3"], "invalid choice"),
        ([], "TASK"),
    ],
)
def test_arguments_that_mean_nothing_are_exit_code_2(
    arguments: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence."""
    assert main(["db", *arguments]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert hint in told.err
    assert told.err.count("\n") == 1


@pytest.mark.parametrize("missing", ["sqlalchemy", "alembic"])
def test_without_the_extra_it_says_how_to_get_it(missing: str, tmp_path: Path) -> None:
    """In a process where the library is not there."""
    program = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        f"from plugit_wsgi.cli import main; sys.exit(main(['db', 'upgrade', 'sqlite:///{tmp_path}/x']))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert "pip install 'plugit-wsgi[sql]'" in done.stderr
    assert done.stderr.count("\n") == 1
