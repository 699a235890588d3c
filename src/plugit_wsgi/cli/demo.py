"""``plugit-wsgi demo``: two services as processes of their own, and a host that shows them."""

from __future__ import annotations

import argparse
import logging
import secrets
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from ..config import Service
from ..middleware import PlugItMiddleware
from ..wire.keys import Purpose, load_secrets
from .children import Child, find_example, running_example
from .demo_site import DemoSite
from .serving import Address, run_told, serve, stopped_by_signals

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

THREADS = 32
_EXAMPLE = """example:
  plugit-wsgi demo --port 8080

Open the address it prints, log in as one of the people there, vote. Then end the voting service
as it tells you: only its pages are gone. Ctrl-C ends everything.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to those of ``plugit-wsgi``."""
    parser = subparsers.add_parser(
        "demo",
        help="a voting service and a site that shows it",
        description="Starts a voting service, a second small service, and a site that shows both.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", default="4000", help="0 takes a free one (default: %(default)s)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serves until SIGINT or SIGTERM, and ends the services then.

    Returns:
        The exit code: 0 after a signal, 1 if the address is taken, 2 for arguments that mean nothing.
    """
    return run_told("demo", lambda: _serve(arguments))


def create_app(children: Sequence[Child]) -> WSGIApplication:
    """The site with the services mounted below ``/s/``."""
    secret = secrets.token_hex(32)
    site = DemoSite(load_secrets(secret).derived(Purpose.DEMO), children)
    return PlugItMiddleware(
        site,
        [Service(child.name, child.url, organizations=child.name == "notes") for child in children],
        secret,
        identify=site.identify,
        layout=site.layout,
        directory=site.directory,
        login_url="/login",
        billing_url="/billing",
        operations=lambda _user: True,  # nothing here is real
        threads=THREADS,
    )


def _serve(arguments: argparse.Namespace) -> None:
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    with ExitStack() as running:
        running.enter_context(stopped_by_signals())
        address = Address("127.0.0.1", arguments.port)
        running.callback(address.listener.close)
        # The notes are a guest: a demonstration without them is still one.
        names = ["polls", *(["notes"] if find_example("notes") else [])]
        children = [running.enter_context(running_example(name)) for name in names]
        serve(create_app(children), address, ready=_story(address, children[0]), quiet=True)


def _story(address: Address, polls: Child) -> str:
    return f"""Serving {address.url}/

Open it, log in, vote. The voting service is a process of its own. End it and look at its pages:

    kill {polls.process.pid}

Bring it back, in another terminal:

    {polls.command}

Ctrl-C ends this site and its services."""
