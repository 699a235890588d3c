"""``plugit-wsgi demo``: two services as processes of their own, and a host that shows them."""

from __future__ import annotations

import argparse
import logging
import secrets
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from ..client import ServiceClient
from ..config import Service
from ..middleware import PlugItMiddleware
from ..wire.keys import Purpose, format_service_key, load_secrets, service_keys
from .children import Child, find_example, running_example
from .demo_site import DemoSite
from .mailbox import MailBox
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


def create_app(children: Sequence[Child], secret: str = "") -> WSGIApplication:
    """The site with the services mounted below ``/s/``.

    Args:
        children: the services.
        secret: of the site; "" makes one.
    """

    def client(name: str) -> ServiceClient | None:
        return next((found for found in app.mounts.clients if found.service.name == name), None)

    secret = secret or secrets.token_hex(32)
    box = MailBox()
    site = DemoSite(load_secrets(secret).derived(Purpose.DEMO), children, box=box, client=client)
    app = PlugItMiddleware(
        site,
        [_service(child) for child in children],
        secret,
        identify=site.identify,
        layout=site.layout,
        directory=site.directory,
        login_url="/login",
        billing_url="/billing",
        operations=lambda _user: True,  # nothing here is real
        mail=box,
        threads=THREADS,
    )
    return app


def _service(child: Child) -> Service:
    # No mail leaves the site, so it may be to anyone.
    return Service(child.name, child.url, organizations=child.name == "notes", mail_to="anyone")


def _serve(arguments: argparse.Namespace) -> None:
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    with ExitStack() as running:
        running.enter_context(stopped_by_signals())
        address = Address("127.0.0.1", arguments.port)
        running.callback(address.listener.close)
        # The notes are a guest: a demonstration without them is still one.
        names = ["polls", *(["notes"] if find_example("notes") else [])]
        secret = secrets.token_hex(32)
        folder = running.enter_context(tempfile.TemporaryDirectory(prefix="plugit-demo-"))
        given = {"polls": _what_polls_need(secret, address, Path(folder))}
        children = [running.enter_context(running_example(name, given.get(name, {}))) for name in names]
        serve(create_app(children, secret), address, ready=_story(address, children[0]), quiet=True)


def _what_polls_need(secret: str, address: Address, folder: Path) -> Mapping[str, str]:
    """To send mail: where the site's API is, and a file with the key for it."""
    key = folder / "polls.key"
    key.write_text(format_service_key(service_keys(load_secrets(secret), "polls")), "ascii")
    return {"POLLS_API": f"{address.url}/s/_api/polls/", "POLLS_KEY_FILE": str(key)}


def _story(address: Address, polls: Child) -> str:
    return f"""Serving {address.url}/

Open it, log in, vote. The voting service is a process of its own. End it and look at its pages:

    kill {polls.process.pid}

Bring it back, in another terminal:

    {polls.command}

Ctrl-C ends this site and its services."""
