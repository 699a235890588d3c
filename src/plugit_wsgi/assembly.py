"""Puts the rooms together: from services and what the host says, to what is mounted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from .breaker import State
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
from .framing import Framer
from .guard import HostPlaces
from .hostapi.api import ServiceApi
from .interfaces import Cache, Directory, HostCsrf, Identify, Layout, Observe, SessionStore, TemplateEngine
from .loading import make_engine, make_transport
from .mounted import Mounted, MountedApi, MountedAssets, MountedService
from .outgoing import CallBuilder
from .pieces import PieceFramer
from .pipeline import Pipeline
from .refusals import Refusals
from .rendering import Renderer
from .sandbox import SandboxFramer
from .session import VisitorIds
from .tokens import VisitTokens
from .turns import Line, Turns
from .visits import VisitOpener
from .wire.keys import KeyRing, Purpose, service_keys

F = TypeVar("F", bound=Framer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What all mounts of a host share; the arguments of the middleware, checked and complete. Immutable."""

    identify: Identify
    directory: Directory | None
    layout: Layout
    bundled: Layout
    prefix: str
    login_url: str | None
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
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Mounts:
    """What a host has mounted. Immutable.

    Attributes:
        entries: paths and what is there.
        clients: of the services, to be closed.
    """

    entries: tuple[tuple[str, Mounted], ...]
    clients: tuple[ServiceClient, ...]


def build_mounts(services: Sequence[Service], host: Host) -> Mounts:
    """Everything below the host: the services, our own assets, and the API."""
    engine = make_engine("django", host.limits)
    clients = tuple(_client(service, host, engine) for service in services)
    entries = [
        (client.service.mount or f"{host.prefix}/{client.service.name}", _mounted(client, host))
        for client in clients
    ]
    return Mounts(
        entries=(
            (f"{host.prefix}/_assets", MountedAssets()),
            (f"{host.prefix}/_api", _api(clients, host)),
            *entries,
        ),
        clients=clients,
    )


def _client(service: Service, host: Host, engine: TemplateEngine) -> ServiceClient:
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
        engine=engine,
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
    refusals = Refusals(framer=framer, bundled=bundled, login_url=host.login_url, observe=host.observe)
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


def _api(clients: Sequence[ServiceClient], host: Host) -> MountedApi:
    apis = {}
    for client in clients:
        api = ServiceApi(client.service, directory=host.directory, deliver=None, limits=client.limits)
        apis[client.service.name] = (api, service_keys(host.secrets, client.service.name))
    return MountedApi(apis)
