"""Puts the rooms together: from services and what the host says, to what is mounted."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from .breaker import State
from .cache.scoped import ScopedCache
from .circuits import Changed, Circuits
from .client import ServiceClient
from .clock import Clock
from .config import Limits, Service
from .cookies import ServiceCookies
from .csrf import Tokens
from .events import CircuitChanged
from .exchanges import Exchanges
from .finishing import Finisher
from .flight import Chairs, Flights
from .framing import Framer, login_target
from .guard import HostPlaces
from .hostapi.api import ServiceApi
from .hostapi.gate import ApiPlaces
from .hostapi.mail import Deliver
from .hostapi.mount import MountedApi
from .hostapi.pages import ApiPages
from .interfaces import (
    Cache,
    Directory,
    HostCsrf,
    Identify,
    Layout,
    Observe,
    OnDenied,
    Operations,
    SessionStore,
)
from .loading import Engines, make_transport
from .mounted import Mounted, MountedAssets, MountedService
from .mounts import MountTable
from .operations import MountedOperations
from .operations.records import Records
from .outgoing import CallBuilder
from .people import near_field
from .pieces import PieceFramer
from .pipeline import Pipeline
from .refusals import Refusals
from .rendering import Renderer
from .sandbox import SandboxFramer
from .session import VisitorIds
from .tokens import VisitTokens
from .turns import Line, Turns
from .visits import VisitOpener
from .wire.context import digest
from .wire.keys import KeyRing, Purpose, service_keys

F = TypeVar("F", bound=Framer)
_log = logging.getLogger("plugit_wsgi")


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What all mounts of a host share; the arguments of the middleware, checked and complete. Immutable."""

    identify: Identify
    directory: Directory | None
    layout: Layout
    bundled: Layout
    prefix: str
    login_url: str | None
    billing_url: str | None
    on_denied: OnDenied | None
    trusted_hops: int
    threads: int
    limits: Limits
    places: HostPlaces
    chairs: Chairs
    line: Line
    secrets: KeyRing = field(repr=False)
    cache: Cache
    templates: Cache
    sessions: SessionStore
    visitor_ids: VisitorIds
    csrf: HostCsrf | None
    observe: Observe
    operations: Operations | None
    mail: Deliver | None
    records: Records
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A service with all that its mount needs. Immutable.

    Attributes:
        path: where it is mounted.
        client: its calls.
        mounted: its pages.
        api: what it may call back.
        keys: of the service.
    """

    path: str
    client: ServiceClient
    mounted: MountedService
    api: ServiceApi
    keys: KeyRing = field(repr=False)

    @property
    def service(self) -> Service:
        """The settings it was built from."""
        return self.client.service


class Assembly:
    """Makes what is mounted below a host. Thread-safe.

    Args:
        host: what all mounts share.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._engines = Engines(host.limits)
        self._api_places = ApiPlaces(host.threads, host.limits, host.clock)
        self._api_pages = ApiPages(
            layout=host.layout,
            bundled=host.bundled,
            identify=host.identify,
            prefix=host.prefix,
            trusted_hops=host.trusted_hops,
            login=partial(login_target, host.login_url),
        )

    def build(self, service: Service) -> Built:
        """A service, ready to be mounted; `retire` is its end."""
        _tell_doubtful_fields(service)
        host = _scoped(self._host, service)
        client = _client(service, host, self._engines)
        return Built(
            path=service.mount or f"{host.prefix}/{service.name}",
            client=client,
            mounted=_mounted(client, host),
            api=ServiceApi(
                service,
                directory=host.directory,
                deliver=host.mail,
                limits=client.limits,
                places=self._api_places,
                observe=host.observe,
                clock=host.clock,
            ),
            keys=service_keys(host.secrets, service.name),
        )

    def table(self, built: Sequence[Built]) -> MountTable[Mounted]:
        """Everything below the host: the services, our own assets, the API, the operations page.

        Raises:
            ConfigError: two at one path.
        """
        prefix = self._host.prefix
        entries: list[tuple[str, Mounted]] = [
            (f"{prefix}/_assets", MountedAssets()),
            (f"{prefix}/_api", self._api(built)),
        ]
        if self._host.operations is not None:
            entries.append((f"{prefix}/_operations", self._operations(built, self._host.operations)))
        return MountTable([*entries, *((item.path, item.mounted) for item in built)])

    def _api(self, built: Sequence[Built]) -> MountedApi:
        self._api_places.services = len(built)
        apis = {item.service.name: (item.api, item.keys) for item in built}
        return MountedApi(apis, pages=self._api_pages, clock=self._host.clock)

    def retire(self, built: Built) -> None:
        """Gives back what a service had; what is under way finishes."""
        self._host.places.leave(built.client.exchanges.places, built.client.exchanges.streams)
        built.client.close()

    def _operations(self, built: Sequence[Built], allows: Operations) -> MountedOperations:
        return MountedOperations(
            [(item.path, item.client) for item in built],
            allows=allows,
            identify=self._host.identify,
            layout=self._host.layout,
            bundled=self._host.bundled,
            prefix=self._host.prefix,
            login_url=self._host.login_url,
            records=self._host.records,
            clock=self._host.clock,
        )


def _tell_doubtful_fields(service: Service) -> None:
    for name in service.user_fields:
        near = near_field(name)
        if near is not None:
            _log.warning(
                "service %r: user_fields has %r, which users have only as an extra; did you mean %r?",
                service.name,
                name,
                near,
            )


def _scoped(host: Host, service: Service) -> Host:
    """The host with caches in which a service finds only what was kept under the settings that it has now."""
    scope = digest(repr(service).encode())
    return replace(host, cache=ScopedCache(host.cache, scope), templates=ScopedCache(host.templates, scope))


def _client(service: Service, host: Host, engines: Engines) -> ServiceClient:
    limits = service.limits or host.limits
    exchanges = Exchanges(
        service,
        limits=limits,
        transport=make_transport(service, limits, host.clock, host.threads),
        places=host.places.for_calls(limits),
        streams=host.places.for_streams(limits),
        circuits=Circuits(host.clock, _announcer(service, host)),
        observe=host.observe,
    )
    return ServiceClient(
        service,
        keys=service_keys(host.secrets, service.name),
        limits=limits,
        exchanges=exchanges,
        engines=engines,
        cache=host.cache,
        templates=host.templates,
        turns=Turns(host.line),
        flights=Flights(host.chairs),
        clock=host.clock,
    )


def _announcer(service: Service, host: Host) -> Changed:
    def announce(what: str, state: State, seconds: float) -> None:
        host.observe(
            CircuitChanged(service=service.name, action=what, state=state, reason=what, seconds=seconds)
        )

    return announce


def _mounted(client: ServiceClient, host: Host) -> MountedService:
    tokens = VisitTokens(Tokens(host.secrets.derived(Purpose.CSRF), client.service.name), host.csrf)
    kind = SandboxFramer if client.service.sandbox else Framer
    framer, bundled = (_framer(kind, client, host, tokens, layout) for layout in (host.layout, host.bundled))
    pipeline = Pipeline(
        client.service,
        client=client,
        builder=CallBuilder(service_keys(host.secrets, client.service.name), host.clock),
        finisher=Finisher(
            framer=framer,
            renderer=Renderer(client, host.directory, host.observe, clock=host.clock),
            cache=host.cache,
            page_stale=client.limits.page_stale,
            title=client.service.name,
            clock=host.clock,
        ),
        framer=framer,
        tokens=tokens,
        cache=host.cache,
        flights=client.flights,
        observe=host.observe,
        clock=host.clock,
    )
    opener = VisitOpener(
        identify=host.identify,
        directory=host.directory,
        sessions=host.sessions,
        visitor_ids=host.visitor_ids,
        trusted_hops=host.trusted_hops,
        cookies=_cookies(client, host),
    )
    refusals = Refusals(
        framer=framer,
        bundled=bundled,
        login_url=host.login_url,
        billing_url=host.billing_url,
        on_denied=host.on_denied,
        observe=host.observe,
    )
    return MountedService(
        pipeline=pipeline,
        opener=opener,
        framer=framer,
        pieces=_framer(PieceFramer, client, host, tokens, host.bundled),
        tokens=tokens,
        refusals=refusals,
        prefix=host.prefix,
        trusted_hops=host.trusted_hops,
        clock=host.clock,
        observe=host.observe,
    )


def _framer(kind: type[F], client: ServiceClient, host: Host, tokens: VisitTokens, layout: Layout) -> F:
    return kind(
        layout=layout,
        tokens=tokens,
        sessions=host.sessions,
        visitor_ids=host.visitor_ids,
        limits=client.limits,
        login_url=host.login_url,
        observe=host.observe,
        cookies=_cookies(client, host),
    )


def _cookies(client: ServiceClient, host: Host) -> ServiceCookies | None:
    if not client.service.cookies:
        return None
    keys = host.secrets.derived(Purpose.COOKIE)
    return ServiceCookies(keys, client.service.name, client.limits, host.clock)
