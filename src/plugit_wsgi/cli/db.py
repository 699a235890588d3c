"""``plugit-wsgi db``: tables of a directory in a database, and people of a file into them."""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from importlib import import_module
from typing import Any

from ..directory.table import read_people
from ..errors import ConfigError, DatabaseError
from .serving import run_told

_EXAMPLE = """example:
  plugit-wsgi db upgrade sqlite:///people.sqlite3
  plugit-wsgi db import sqlite:///people.sqlite3 people.toml
  plugit-wsgi db upgrade postgresql://plugit@db.example.org/plugit

Others can read command lines: give a password in PGPASSWORD or in ~/.pgpass, not in the URL.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to those of ``plugit-wsgi``."""
    parser = subparsers.add_parser(
        "db",
        help="make the tables of a directory in a database, and fill them",
        description="Works on the database of SqlDirectory.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    tasks = parser.add_subparsers(dest="task", metavar="TASK", required=True)
    upgrade = tasks.add_parser(
        "upgrade",
        help="make the tables, or bring them to this release",
        description="Makes the tables, or "
        "brings those that are there to this release. What is in them stays.",
    )
    upgrade.add_argument("url", metavar="URL", help="of the database, as sqlite:///people.sqlite3")
    upgrade.set_defaults(work=_upgrade)
    imported = tasks.add_parser(
        "import",
        help="put the people of a file into them",
        description="Puts the people of a TOML file into "
        "a database; those with the same ids are replaced, others stay.",
    )
    imported.add_argument("url", metavar="URL", help="of the database")
    imported.add_argument("file", metavar="FILE", help="as StaticDirectory.from_file reads it")
    imported.set_defaults(work=_import)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Does the task.

    Returns:
        The exit code: 0, 1 if the database says no, or 2 for arguments that mean nothing.
    """
    try:
        return run_told("db", lambda: arguments.work(arguments))
    except DatabaseError as error:
        print(f"plugit-wsgi db: {' '.join(str(error).split())}", file=sys.stderr)
        return 1


def _upgrade(arguments: argparse.Namespace) -> None:
    revision = _load("plugit_wsgi.migrations").upgrade(arguments.url)
    print(f"The tables have revision {revision}.")


def _import(arguments: argparse.Namespace) -> None:
    people = read_people(arguments.file)
    with closing(_load("plugit_wsgi.directory.sql").SqlDirectory(arguments.url)) as directory:
        directory.save(people)
    print(f"Imported {len(people.users)} users and {len(people.organizations)} organizations.")


def _load(module: str) -> Any:
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in ("sqlalchemy", "alembic"):
            raise
        raise ConfigError("db", error.name, "the extra sql: pip install 'plugit-wsgi[sql]'") from error
