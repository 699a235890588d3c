"""``plugit-wsgi mail``: replies out of a mailbox to the services, and queued mail to a mail server.

1. URLs with passwords come from the environment, never from the command line: other users of a machine can
   read command lines, and shells remember them.
2. SIGTERM and SIGINT end it between two messages. Whatever else ends it loses nothing.
3. A mailbox, mail server or database that cannot be asked is one line of the log, and is asked again.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Final

from ..client import ServiceClient
from ..clock import Deadline, SystemClock
from ..errors import ConfigError, MailboxError
from ..loading import make_mail_store, make_tokens_v1
from ..mail.delivering import Hand, Postman, Reply, Verify
from ..mail.mailboxes import parse_location
from ..mail.opening import open_mailbox
from ..mail.reply_tokens import ReplyTokens
from ..mail.sending import send_due
from ..mail.server import MailServer
from ..middleware import PlugItMiddleware, read_file
from ..observers.log import LogLines
from ..observers.redaction import quoted, redacted
from ..wire.keys import load_secrets
from .serving import run_told

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

MAILBOX: Final = "PLUGIT_MAILBOX"
PASSWORD: Final = "PLUGIT_MAILBOX_PASSWORD"
STORE: Final = "PLUGIT_MAIL_STORE"
SERVER: Final = "PLUGIT_MAIL_SERVER"
SECRET: Final = "PLUGIT_SECRET_KEY"
V1_SECRET: Final = "PLUGIT_MAIL_V1_SECRET_KEY"
V1_HASH: Final = "PLUGIT_MAIL_V1_SECRET_HASH"

PRUNE_EVERY: Final = 600.0
_LONGEST_PAUSE: Final = 600.0
_BATCH: Final = 10
"""Messages that are sent over one connection, without a look at whether this is to end."""
_log = logging.getLogger("plugit_wsgi.mail")
_EXAMPLE = f"""environment:
  {MAILBOX}             where replies arrive: imaps://USER:PASSWORD@HOST/INBOX, pop3s://USER:PASSWORD@HOST
  {PASSWORD}    its password, if the URL has none
  {SERVER}         where queued mail goes: smtp+starttls://USER:PASSWORD@HOST
  {STORE}          database of the host's mail: sqlite:////var/lib/site/mail.sqlite3
  {SECRET}          the host's secret, if the file has none
  {V1_SECRET}, {V1_HASH}   those of the original, to read its reply addresses

example:
  plugit-wsgi mail --config plugit.toml
  plugit-wsgi mail --config plugit.toml --once
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to those of ``plugit-wsgi``."""
    parser = subparsers.add_parser(
        "mail",
        help="bring replies to mails to the services, and send queued mail",
        description="Brings replies to mails to the services, and sends queued mail.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", metavar="FILE", required=True, help="the host's TOML file")
    parser.add_argument("--once", action="store_true", help="end after one look; without, go on")
    parser.add_argument(
        "--interval", metavar="SECONDS", default="30", help="between two looks (default: %(default)s)"
    )
    parser.add_argument(
        "--set-aside",
        metavar="DIR",
        default="",
        help="where a mailbox of POP3 leaves what cannot be delivered; one of IMAP has a folder for it",
    )
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--receive", action="store_true", help=f"only replies; {SERVER} counts for nothing")
    only.add_argument("--send", action="store_true", help=f"only queued mail; {MAILBOX} counts for nothing")
    parser.add_argument(
        "--original-service",
        metavar="ID=NAME",
        action="append",
        default=[],
        help="what a reply address of the original calls a service, and its name here; may be repeated",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Works until SIGINT or SIGTERM, or once.

    Returns:
        The exit code: 0, 1 if a single look could not ask everybody, 2 for settings that mean nothing.
    """
    went_well: list[bool] = []
    code = run_told("mail", lambda: went_well.append(_work(arguments, os.environ)))
    return code or int(went_well != [True])


def _work(arguments: argparse.Namespace, environment: Mapping[str, str]) -> bool:
    """True if the last look went well."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    interval = _seconds(arguments.interval)
    with _stopping() as stop, closing(_Post(arguments, environment, stop.is_set)) as post:
        pause = interval
        while True:
            went_well = post.look()
            pause = interval if went_well else min(2 * pause, max(interval, _LONGEST_PAUSE))
            if arguments.once or stop.wait(pause):
                return went_well or not arguments.once


class _Post:
    """What there is to do at each look. One per command."""

    def __init__(
        self, arguments: argparse.Namespace, environment: Mapping[str, str], is_stopping: Callable[[], bool]
    ) -> None:
        self._clock = SystemClock()
        self._is_stopping = is_stopping
        self._pruned = 0.0
        self._lines = LogLines(self._clock)
        self._server: MailServer | None = None
        self._store, self._host, tokens = _host(arguments, environment, self._clock)
        self._jobs: list[Callable[[], bool]] = [self._prune]
        if environment.get(SERVER) and not arguments.receive:
            self._server = MailServer.from_url(environment[SERVER])
            self._jobs.append(self._send)
        if environment.get(MAILBOX) and not arguments.send:
            self._location = parse_location(
                environment[MAILBOX], password=environment.get(PASSWORD, ""), aside=arguments.set_aside
            )
            hands = {client.service.name: _hand(client, self._clock) for client in self._host.mounts.clients}
            self._postman = Postman(self._store, tokens, hands, is_stopping=is_stopping, clock=self._clock)
            self._jobs.append(self._receive)
        if len(self._jobs) == 1:
            raise ConfigError(f"{MAILBOX}, {SERVER}", None, "one of these environment variables at least")
        does = (("send", self._send), ("receive", self._receive))
        _log.info("event=mail_started does=%s", ",".join(name for name, job in does if job in self._jobs))

    def look(self) -> bool:
        """Does everything once; True if everybody could be asked."""
        ended_well = [self._done(job) for job in self._jobs]
        return all(ended_well)

    def close(self) -> None:
        """Gives all connections back."""
        self._host.close()
        self._store.close()
        self._lines.flush()

    def _done(self, job: Callable[[], bool]) -> bool:
        try:
            return job()
        except MailboxError as error:
            _log.error("event=mailbox_failed reason=%s", quoted(str(error), 200))
        except Exception as error:  # of a database: the next look may find it well again
            reason = f"{type(error).__name__}: {redacted(str(error))}"
            _log.error("event=mail_failed reason=%s", quoted(reason, 400))
        return False

    def _receive(self) -> bool:
        with closing(open_mailbox(self._location)) as mailbox:
            self._postman.deliver(mailbox)
        return True

    def _send(self) -> bool:
        """False if the mail server cannot be talked to; the log has its words with the message concerned."""
        while self._server is not None and not self._is_stopping():
            counts = send_due(self._store, self._server, self._clock, limit=_BATCH, observe=self._lines)
            if counts.sent:
                _log.info("event=mail_sent messages=%d", counts.sent)
            if counts.stopped or counts.handled < _BATCH:
                return not counts.stopped
        return True

    def _prune(self) -> bool:
        now = self._clock.monotonic()
        if not self._pruned or now - self._pruned > PRUNE_EVERY:
            self._store.prune(self._clock.time())
            self._pruned = now
        return True


def _host(
    arguments: argparse.Namespace, environment: Mapping[str, str], clock: SystemClock
) -> tuple[Any, PlugItMiddleware, tuple[Verify, ...]]:
    """The store, the services behind a host that is not there, and what reads reply addresses."""
    found = read_file(arguments.config)
    secret = found.get("secret_key") or environment.get(SECRET)
    if not secret:
        raise ConfigError(f"{arguments.config}: secret_key", None, f"the host's secret there, or in {SECRET}")
    if not environment.get(STORE):
        raise ConfigError(STORE, None, "the database of the host's mail in this environment variable")
    shares = {name: found[name] for name in ("limits", "threads") if name in found}
    store = make_mail_store(environment[STORE])
    tokens: tuple[Verify, ...] = (ReplyTokens(load_secrets(secret), store, clock=clock).verify,)
    services = dict(_pair(text) for text in arguments.original_service)
    if environment.get(V1_SECRET) or environment.get(V1_HASH) or services:
        given = environment.get(V1_SECRET, ""), environment.get(V1_HASH, "")
        tokens = (*tokens, make_tokens_v1(*given, services).verify)
    host = PlugItMiddleware(_nobody_home, found.get("services", ()), secret, **shares)
    return store, host, tokens


def _hand(client: ServiceClient, clock: SystemClock) -> Hand:
    def hand(reply: Reply) -> bool:
        return client.mail(
            reply.response_id,
            reply.text,
            Deadline.after(client.limits.page, clock),
            message_id=reply.message_id,
            is_repeat=reply.is_repeat,
        )

    return hand


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set; what is being done is done to its end."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    previous = {number: signal.signal(number, lambda _number, _frame: stop.set()) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _seconds(given: str) -> float:
    try:
        seconds = float(given)
    except ValueError:
        seconds = 0.0
    if 1 <= seconds <= 86400:
        return seconds
    raise ConfigError("--interval", given, "seconds, from 1 to 86400")


def _pair(given: str) -> tuple[str, str]:
    id, equals, name = given.partition("=")
    if id and equals and name:
        return id, name
    raise ConfigError("--original-service", given, "ID=NAME, such as 42=polls")


def _nobody_home(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("404 Not Found", [("Content-Type", "text/plain")])
    return [b""]
