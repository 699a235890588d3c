"""The WSGI edge: a request goes to a mount, or untouched to the host; errors become answers here."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from os import PathLike
from typing import TYPE_CHECKING, Any

import webob
from webob.exc import HTTPException

from .assembly import Assembly, Host
from .cache.memory import MemoryCache
from .client import ServiceClient
from .clock import Clock, SystemClock
from .config import (
    Limits,
    Service,
    Stores,
    checked_path,
    checked_table,
    limits_from_table,
    read_toml,
    service_from_table,
)
from .errors import ActionNotFound, ConfigError
from .finishing import close_body
from .flight import Chairs
from .fragments import FragmentPages
from .fragments.filler import Filler
from .fragments.marks import MarkFinder, checked_targets, mark_keys
from .guard import HostPlaces
from .hostapi.mail import Deliver
from .http import Answer, script_name_of
from .interfaces import Directory, HostCsrf, Identify, Layout, Observe, OnDenied, Operations
from .layout import BootstrapLayout, CapturedLayout, bind_layout
from .mounted import Mounted, MountedPages
from .mounting import Mounts
from .observers import combine
from .observers.log import LogLines
from .operations.records import Records
from .people import User
from .refusals import broken_page
from .session import CookieSessions, VisitorIds
from .spare import SpareThreads
from .turns import Line
from .watching import FileWatch, signature_of
from .wire.keys import Purpose, load_secrets

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_log = logging.getLogger("plugit_wsgi")
_FILE_KEYS = (
    "services",
    "secret_key",
    "prefix",
    "threads",
    "trusted_hops",
    "login_url",
    "billing_url",
    "limits",
    "fragments",
)


class PlugItMiddleware:
    """Mounts services below a WSGI application. Thread-safe.

    Args:
        host_app: any WSGI application; it gets every request that no mount matches, untouched.
        services: what to mount.
        secret_key: text of 32 bytes at least, or several with the newest last: the newest signs, all verify.
        identify: who is logged in; called once for each request of a mount. None: nobody is.
        layout: frames a page. None: the bundled `BootstrapLayout`.
        directory: rights, organizations and subscriptions. None: the `User` says.
        prefix: where services are mounted that name no mount, and our own assets and API.
        threads: how many threads the server gives this process.
        trusted_hops: proxies in front whose ``X-Forwarded-*`` are believed.
        login_url: where anonymous visitors are sent who need a login; ``next`` is added. A path is one of
            the host, below its SCRIPT_NAME.
        billing_url: where visitors are led who lack a subscription; ``next``, ``service`` and each ``label``
            that would do are added. A path is one of the host, below its SCRIPT_NAME.
        on_denied: is told ``(reason, user, service)`` of each visitor whom an access rule refuses; what it
            raises is logged, and changes nothing.
        fragments: True puts fragments of services where pages of the host have signed marks (see
            `fragments.FragmentMarks`); a list of targets, such as ``["/s/polls/latest"]``, also at unsigned
            marks of these.
        limits: how long, how much, how many.
        stores: where pages and sessions are kept.
        observe: is told of every event.
        operations: who may see the operations page, below `prefix` at ``_operations/``: gets the user, or
            None, and says True. None: there is no such page.
        mail: takes what services send, such as a `plugit_wsgi.mail.mailer.Mailer`. None: they send none.
        csrf: the host's own protection against forged requests, in the place of ours. None is ours.
        clock: the time; for tests.

    Attributes:
        mounts: the services, which can be changed while the host runs.

    Raises:
        ConfigError: names the field, the value and what was expected.
    """

    def __init__(
        self,
        host_app: WSGIApplication,
        services: Iterable[Service],
        secret_key: str | Sequence[str],
        *,
        identify: Identify | None = None,
        layout: Layout | CapturedLayout | None = None,
        directory: Directory | None = None,
        prefix: str = "/s",
        threads: int = 8,
        trusted_hops: int = 0,
        login_url: str | None = None,
        billing_url: str | None = None,
        on_denied: OnDenied | None = None,
        fragments: bool | Iterable[str] = False,
        limits: Limits | None = None,
        stores: Stores | None = None,
        observe: Observe | None = None,
        operations: Operations | None = None,
        mail: Deliver | None = None,
        csrf: HostCsrf | None = None,
        clock: Clock | None = None,
    ) -> None:
        _check_arguments(
            host_app=host_app,
            identify=identify,
            observe=observe,
            threads=threads,
            trusted_hops=trusted_hops,
            login_url=login_url,
            billing_url=billing_url,
            on_denied=on_denied,
            operations=operations,
            mail=mail,
        )
        _check_values(limits=(limits, Limits), stores=(stores, Stores))
        clock = clock or SystemClock()
        limits = limits or Limits()
        stores = stores or Stores()
        secrets = load_secrets(secret_key)
        places = HostPlaces(threads, limits, clock)
        self._spare = SpareThreads(places.calls // 2)
        unsigned = checked_targets(fragments)
        if unsigned is not None:
            finder = MarkFinder(mark_keys(secrets), unsigned)
            filler = Filler(
                finder=finder, match=self._match, spare=self._spare, seconds=limits.page, clock=clock
            )
            host_app = FragmentPages(host_app, filler)
        self._host_app = host_app
        self._prefix = checked_path(prefix, "prefix")
        self._bundled = BootstrapLayout()
        self._lines = LogLines(clock)
        kept = MemoryCache(limits.layouts_size, clock)
        framed = self._bundled if layout is None else bind_layout(layout, host_app, clock=clock, cache=kept)
        records = Records(clock)
        told = (self._lines, *(() if operations is None else (records,)))
        self._clock = clock
        self._watch: FileWatch | None = None
        assembly = Assembly(
            Host(
                identify=identify or _nobody,
                directory=directory,
                layout=framed,
                bundled=self._bundled,
                prefix=self._prefix,
                login_url=login_url,
                billing_url=billing_url,
                on_denied=on_denied,
                trusted_hops=trusted_hops,
                threads=threads,
                limits=limits,
                places=places,
                spare=self._spare,
                chairs=Chairs(max(1, threads // 8)),
                line=Line(threads),
                secrets=secrets,
                cache=stores.cache or MemoryCache(limits.cache_size, clock),
                templates=MemoryCache(limits.cache_size, clock),
                sessions=stores.sessions
                or CookieSessions(secrets.derived(Purpose.SESSION), lifetime=limits.session_age, clock=clock),
                csrf=_checked_csrf(csrf),
                visitor_ids=VisitorIds(secrets.derived(Purpose.VISITOR)),
                observe=combine(*told, *(() if observe is None else (observe,)), clock=clock),
                operations=operations,
                mail=mail,
                records=records,
                clock=clock,
            ),
        )
        self.mounts = Mounts(assembly, services)

    @classmethod
    def from_file(cls, host_app: WSGIApplication, path: str | PathLike[str], **more: Any) -> PlugItMiddleware:
        """The same from a TOML file; what is given here as well wins over the file.

        While the host runs, each process looks at the file when requests come, at most twice a second, and
        mounts what it says. Other keys than services need a restart. A file that is wrong changes nothing.

        Args:
            host_app: as above.
            path: of the file. Its keys are the arguments' names; services are ``[[services]]`` tables with
                the names of `Service`, limits a ``[limits]`` table with the names of `Limits`.
            more: arguments that only Python can say: identify, layout, directory, observe, on_denied, stores,
                mail.

        Raises:
            ConfigError: the file cannot be read, or has a key that does not exist.
        """
        path = os.path.abspath(path)
        signature = signature_of(path)
        started = read_file(path)
        middleware = cls(host_app, **{"services": (), "secret_key": (), **started, **more})
        if "services" not in more:
            middleware._watch = FileWatch(
                path,
                read=read_file,
                mounts=middleware.mounts,
                signature=signature,
                started=started,
                given=frozenset(more),
                clock=middleware._clock,
            )
        return middleware

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """WSGI (PEP 3333)."""
        watch = self._watch
        if watch is not None and self._clock.monotonic() >= watch.due:
            watch.look()
        found = self.mounts.table.match(environ.get("PATH_INFO", ""))
        if found is None:
            return self._host_app(environ, start_response)
        return self._serve(environ, start_response, *found)

    def warm(self) -> None:
        """Opens a connection to each service, so that the first visitors of a process need not wait for one.

        To be called in a process that serves, after any fork. Spare threads ask each service what it is, and
        nobody waits for them; a service that cannot be asked is told to observers, as for any call.
        """
        for client in self.mounts.every_client:
            self._spare.help(client.warm, 1)

    def close(self) -> None:
        """Gives all connections to services back to the system, and tells the log what it left out."""
        self.mounts.close()
        self._spare.close()
        self._lines.flush()

    @property
    def _clients(self) -> tuple[ServiceClient, ...]:
        return self.mounts.clients

    def _match(self, path: str) -> tuple[Mounted, str, str] | None:
        return self.mounts.table.match(path)

    def _serve(
        self, environ: WSGIEnvironment, start_response: StartResponse, mounted: Mounted, mount: str, rest: str
    ) -> Iterable[bytes]:
        request = webob.Request(environ)
        try:
            answer = mounted.answer(request, mount, rest)
        except HTTPException as answered:
            # identify of the host answers itself: it sends the visitor elsewhere, or is closed.
            return answered(environ, start_response)
        except ActionNotFound:
            # Nothing is there for this visitor: the host says so, as of any path.
            return self._host_app(environ, start_response)
        except Exception:
            # identify, directory, layout or a store of the host, or a mistake of ours: never "anonymous".
            _log.exception("%r: a page failed on the host's side", mounted)
            script_name = script_name_of(environ)
            whole = self._bundled
            layout = mounted.layout(request, whole) if isinstance(mounted, MountedPages) else whole
            answer = broken_page(layout, request, script_name=script_name, prefix=script_name + self._prefix)
        return send(answer, environ["REQUEST_METHOD"], start_response)


def send(answer: Answer, method: str, start_response: StartResponse) -> Iterable[bytes]:
    """An answer as WSGI: a length where it is known, a type where there is a body, no body for HEAD."""
    headers = list(answer.headers)
    known = {name.lower() for name, _value in headers}
    bodiless = answer.status in (204, 304)
    if bodiless:
        headers = [item for item in headers if item[0].lower() not in ("content-type", "content-length")]
    elif "content-type" not in known:
        headers.append(("Content-Type", "text/plain; charset=utf-8"))
    body = answer.body
    if isinstance(body, bytes):
        if not bodiless and method != "HEAD" and "content-length" not in known:
            headers.append(("Content-Length", str(len(body))))
        body = [] if bodiless or method == "HEAD" or not body else [body]
    try:
        start_response(status_line(answer.status), headers)
    except BaseException:
        close_body(answer.body)
        raise
    return body


def status_line(status: int) -> str:
    """Status and phrase, "Unknown" for codes without one."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} Unknown"


def read_file(path: str | PathLike[str]) -> dict[str, Any]:
    """The arguments that a TOML file names.

    Raises:
        ConfigError: the file cannot be read, or has a key that does not exist.
    """
    values = checked_table(read_toml(path), "", _FILE_KEYS)
    if "services" in values:
        services = values["services"]
        if not isinstance(services, list):
            raise ConfigError("services", services, "[[services]] tables")
        values["services"] = [service_from_table(table, position) for position, table in enumerate(services)]
    if "limits" in values:
        values["limits"] = limits_from_table(values["limits"])
    return values


def _check_arguments(**given: Any) -> None:
    for name in ("host_app", "identify", "observe", "on_denied", "operations", "mail"):
        if not callable(given[name]) and (name == "host_app" or given[name] is not None):
            raise ConfigError(name, given[name], "something that can be called")
    for name, least in (("threads", 1), ("trusted_hops", 0)):
        if isinstance(given[name], bool) or not isinstance(given[name], int) or given[name] < least:
            raise ConfigError(name, given[name], f"a whole number, {least} or more")
    for name in ("login_url", "billing_url"):
        url = given[name]
        if url is not None and not (isinstance(url, str) and url.startswith(("/", "http"))):
            raise ConfigError(name, url, "a path with a leading slash, or a URL")


def _check_values(**given: tuple[object, type]) -> None:
    for name, (value, kind) in given.items():
        if value is not None and not isinstance(value, kind):
            raise ConfigError(name, value, f"{kind.__name__}(...)")


def _checked_csrf(csrf: HostCsrf | None) -> HostCsrf | None:
    if csrf is not None and not all(callable(getattr(csrf, name, None)) for name in ("issue", "is_valid")):
        raise ConfigError("csrf", csrf, "an object with the methods issue and is_valid")
    return csrf


def _nobody(_request: webob.Request) -> User | None:
    return None


__all__ = ["PlugItMiddleware"]
