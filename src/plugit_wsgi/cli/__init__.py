"""The command ``plugit-wsgi``: one module for each of its commands.

1. What makes no sense is refused with one sentence on stderr and exit code 2, never with a traceback.
2. A port that cannot be had is exit code 1, an end by signal 0.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from . import db, demo, dev, key, mail, preview, serve

_EXAMPLE = """examples:
  plugit-wsgi demo
  plugit-wsgi serve examples/polls
  plugit-wsgi dev http://127.0.0.1:5000

Every command has its own --help.
"""
_COMMANDS = (demo, dev, serve, key, preview, db, mail)


class _Nonsense(Exception):
    """Arguments that mean nothing; str() is the sentence."""


class _Parser(argparse.ArgumentParser):
    """Says one sentence instead of the whole usage."""

    def __init__(self, *args: object, **more: object) -> None:
        # Options are whole words: a script with an abbreviation would break with the next option.
        super().__init__(*args, **{"allow_abbrev": False, **more})  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        raise _Nonsense(f"{self.prog}: {message} (see {self.prog} --help)")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        argv: arguments without the program's name; None takes those of the process.

    Returns:
        The exit code.
    """
    try:
        arguments = _make_parser().parse_args(argv)
    except _Nonsense as error:
        print(error, file=sys.stderr)
        return 2
    except SystemExit as end:  # --help
        return int(end.code or 0)
    run: Callable[[argparse.Namespace], int] = arguments.run
    return run(arguments)


def _make_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="plugit-wsgi",
        description="Mounts independent web services with a user interface into any WSGI application.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.add_parser(subparsers)
    return parser
