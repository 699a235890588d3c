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
from .config import Limits, Service, Variant
from .cookies import ServiceCookies
from .csrf import Tokens
from .deployments import VariantChange
from .events import CircuitChanged, Event
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
from .mounted import Mounted, MountedAssets, MountedPages, MountedService
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
from .session import NamedSessions, VisitorIds
from .spare import SpareThreads
from .tokens import VisitTokens
from .turns import Line, Turns
from .variants.mounted import Deployed, MountedVariants
from .variants.preview import Previews
from .variants.preview_pages import PreviewPages
from .variants.told import VariantHeader
from .visits import VisitOpener
from .wire.context import digest
from .wire.keys import KeyRing, Purpose, audience_of, service_keys

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
    spare: SpareThreads
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
        service: the settings it was built from.
        path: where it is mounted.
        deployments: its main one first, then its variants in their order.
        mounted: its pages.
        api: what it may call back, with the key of any of them.
    """

    service: Service
    path: str
    deployments: tuple[Deployed, ...]
    mounted: MountedPages
    api: ServiceApi

    @property
    def client(self) -> ServiceClient:
        """The calls of the main deployment."""
        return self.deployments[0].client

    @property
    def keys(self) -> KeyRing:
        """Those that the API is called with."""
        return KeyRing(tuple([key for deployed in self.deployments for key in deployed.keys.keys]))


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

    def build(self, service: Service, before: Built | None = None) -> Built:
        """A service, ready to be mounted; `retire` is its end.

        What `before` has and stays as it is goes on: connections, circuits, places, pages.
        """
        if before is None:
            _tell_doubtful_fields(service)
        plain = replace(service, variants=()) if service.variants else service
        kept = () if before is None else before.deployments
        deployments: list[Deployed] = []
        try:
            for variant in (None, *service.variants):
                deployments.append(self._deployed(plain, variant, kept, deployments))
        except BaseException:
            self._give_back(deployments, kept)
            raise
        same = before is not None and kept[0] is deployments[0]
        return Built(
            service=service,
            path=service.mount or f"{self._host.prefix}/{service.name}",
            deployments=tuple(deployments),
            mounted=self._mounted_pages(service, deployments),
            api=before.api if before is not None and same else self._service_api(plain),
        )

    def _deployed(
        self, plain: Service, variant: Variant | None, kept: Sequence[Deployed], made: Sequence[Deployed]
    ) -> Deployed:
        name = "" if variant is None else variant.name
        service = plain if variant is None else replace(plain, url=variant.url)
        own = variant is not None and variant.own_sessions
        for old in kept:
            if (old.name, old.service, old.own_sessions) == (name, service, own):
                return old
        beside = next((found.client.exchanges for found in (*made, *kept)), None)
        host = _scoped(self._host, service, name, own)
        client = _client(service, host, self._engines, name, beside)
        mounted = _mounted(client, host)
        return Deployed(
            name=name,
            own_sessions=own,
            service=service,
            client=client,
            mounted=mounted,
            keys=client.keys,
        )

    def _mounted_pages(self, service: Service, deployments: Sequence[Deployed]) -> MountedPages:
        main, *variants = deployments
        if not variants:
            return main.mounted
        host = self._host
        previews = Previews(host.secrets.derived(Purpose.PREVIEW), host.clock)
        return MountedVariants(
            service,
            main=main,
            variants={deployed.name: deployed for deployed in variants},
            directory=host.directory,
            visitor_ids=host.visitor_ids,
            clock=host.clock,
            observe=host.observe,
            previews=previews,
            preview_page=PreviewPages(service, previews=previews, main=main.mounted, clock=host.clock),
            header=VariantHeader(host.operations),
        )

    def _service_api(self, service: Service) -> ServiceApi:
        host = self._host
        return ServiceApi(
            service,
            directory=host.directory,
            deliver=host.mail,
            limits=service.limits or host.limits,
            places=self._api_places,
            observe=host.observe,
            clock=host.clock,
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

    def retire(self, built: Built, kept: Built | None = None) -> None:
        """Gives back what a service had, but what goes on in `kept`; what is under way finishes."""
        self._give_back(built.deployments, () if kept is None else kept.deployments)

    def _give_back(self, deployments: Sequence[Deployed], kept: Sequence[Deployed]) -> None:
        for deployed in deployments:
            if all(deployed is not other for other in kept):
                exchanges = deployed.client.exchanges
                self._host.places.leave(exchanges.places, exchanges.streams)
                deployed.client.close()

    def note(self, changes: Sequence[VariantChange], source: str) -> None:
        """Keeps changes of variants for the operations page."""
        self._host.records.note(changes, source)

    def _operations(self, built: Sequence[Built], allows: Operations) -> MountedOperations:
        return MountedOperations(
            [(item.path, item.service, [deployed.client for deployed in item.deployments]) for item in built],
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


def _scoped(host: Host, service: Service, variant: str, own_sessions: bool) -> Host:
    """The host as a deployment sees it.

    In its caches it finds only what it kept itself, under the settings that it has now.
    """
    scope = digest(repr((service, variant) if variant else service).encode())
    found = replace(host, cache=ScopedCache(host.cache, scope), templates=ScopedCache(host.templates, scope))
    if variant:
        found = replace(found, observe=_named_events(variant, host.observe))
    if own_sessions:
        found = replace(found, sessions=NamedSessions(host.sessions, _own_name(service.name, variant)))
    return found


def _own_name(service: str, variant: str) -> str:
    """What a deployment's own values are stored under: no service has a name with this sign."""
    return f"{service}~{variant}"


def _named_events(variant: str, observe: Observe) -> Observe:
    def tell(event: Event) -> None:
        observe(replace(event, variant=variant))

    return tell


def _client(
    service: Service, host: Host, engines: Engines, variant: str, beside: Exchanges | None
) -> ServiceClient:
    limits = service.limits or host.limits
    exchanges = Exchanges(
        service,
        limits=limits,
        transport=make_transport(service, limits, host.clock, host.threads),
        places=host.places.for_calls(limits, None if beside is None else beside.places),
        streams=host.places.for_streams(limits, None if beside is None else beside.streams),
        circuits=Circuits(host.clock, _announcer(service, host)),
        observe=host.observe,
    )
    return ServiceClient(
        service,
        keys=service_keys(host.secrets, audience_of(service.name, variant)),
        limits=limits,
        exchanges=exchanges,
        engines=engines,
        cache=host.cache,
        templates=host.templates,
        turns=Turns(host.line),
        flights=Flights(host.chairs),
        spare=host.spare,
        clock=host.clock,
        variant=variant,
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
        builder=CallBuilder(client.keys, host.clock, client.variant),
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
        spare=host.spare,
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
    is_apart = isinstance(host.sessions, NamedSessions)
    name = _own_name(client.service.name, client.variant) if is_apart else client.service.name
    return ServiceCookies(keys, name, client.limits, host.clock)
