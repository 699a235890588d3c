"""``plugit-wsgi serve DIR``: runs a service folder."""

from __future__ import annotations

import argparse
import logging

from ..sdk import load_service
from .serving import Address, run_told, serve

EXAMPLE = """example:
  plugit-wsgi serve examples/polls --port 5000

The folder holds actions.py, and if it likes templates/, media/ and config.py.
With PLUGIT_SERVICE_KEY in the environment (see `plugit-wsgi key`), actions run only
for calls that the host has signed.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to those of ``plugit-wsgi``."""
    parser = subparsers.add_parser(
        "serve",
        help="run a service folder",
        description="Runs a service: a folder with an actions.py.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("directory", metavar="DIR", help="the service's folder")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", default="5000", help="0 takes a free one (default: %(default)s)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serves until SIGINT or SIGTERM.

    Returns:
        The exit code: 0 after a signal, 1 if the address is taken, 2 for arguments that mean nothing.
    """
    return run_told("serve", lambda: _serve(arguments))


def _serve(arguments: argparse.Namespace) -> None:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    app = load_service(arguments.directory)
    address = Address(arguments.host, arguments.port)
    serve(app, address, ready=f"Serving {arguments.directory} at {address.url}/")
