"""What is mounted, and how it changes while the host runs.

1. A change is whole or none: what is new is built and the table made before anything is seen of it.
2. The table is swapped as one: a request sees the mounts of before or of after, nothing between.
3. A service that stays as it is keeps its client: connections, circuits, places, pages. So does a deployment
   of one whose lists or percentages change.
4. One that goes is closed at once for idle connections; requests under way finish on what they have.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .assembly import Assembly, Built
from .client import ServiceClient
from .config import Service
from .deployments import VariantChange, variant_changes
from .errors import ConfigError
from .mounted import Mounted
from .mounts import MountTable
from .observers.redaction import quoted

_log = logging.getLogger("plugit_wsgi")


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a change did: names of services. Immutable.

    Attributes:
        added, changed, removed, unchanged: which; one that is mounted elsewhere or otherwise is changed.
        variants: what is different between the variants of those that were and are mounted.
    """

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    variants: tuple[VariantChange, ...] = ()

    def __bool__(self) -> bool:
        """Something changed."""
        return bool(self.added or self.changed or self.removed)

    def __str__(self) -> str:
        """For the log."""
        told = (("added", self.added), ("changed", self.changed), ("removed", self.removed))
        said = [f"{word}={','.join(names)}" for word, names in told if names]
        return " ".join([*said, f"unchanged={len(self.unchanged)}"])


class Mounts:
    """The services of this process; iterating gives `Service` values in their order. Thread-safe.

    A change holds for this process only, and until a file that is watched changes: the file wins.

    Args:
        assembly: makes what is mounted.
        services: at first.

    Attributes:
        table: of this moment.

    Raises:
        ConfigError: two services of a name, or at a path.
    """

    def __init__(self, assembly: Assembly, services: Iterable[Service]) -> None:
        self._assembly = assembly
        self._lock = threading.Lock()
        self._built: tuple[Built, ...] = ()
        self.table: MountTable[Mounted]
        self._change(checked_services(services))

    def __iter__(self) -> Iterator[Service]:
        return iter([built.service for built in self._built])

    def __len__(self) -> int:
        return len(self._built)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __repr__(self) -> str:
        return f"<Mounts {', '.join(self.names) or 'none'}>"

    @property
    def names(self) -> tuple[str, ...]:
        """Of the services, in their order."""
        return tuple(built.service.name for built in self._built)

    @property
    def clients(self) -> tuple[ServiceClient, ...]:
        """Of the main deployments of the services, in their order."""
        return tuple(built.client for built in self._built)

    @property
    def every_client(self) -> tuple[ServiceClient, ...]:
        """Of the services and of all their variants."""
        return tuple(deployed.client for built in self._built for deployed in built.deployments)

    def add(self, service: Service) -> None:
        """Mounts one more.

        Raises:
            ConfigError: its name or its path is taken; nothing changed.
        """
        with self._lock:
            self._told(self._change(checked_services([*self, service])), "code")

    def replace(self, service: Service) -> None:
        """Puts a service in the place of the one of its name.

        Raises:
            ConfigError: there is none of its name, or its path is taken; nothing changed.
        """
        with self._lock:
            self._check_known(checked_services([service])[0].name)
            services = [service if item.name == service.name else item for item in self]
            self._told(self._change(services), "code")

    def remove(self, name: str) -> None:
        """Takes one away; its paths are the host's again.

        Raises:
            ConfigError: there is none of this name; nothing changed.
        """
        with self._lock:
            self._check_known(name)
            self._told(self._change([item for item in self if item.name != name]), "code")

    def update(self, services: Iterable[Service], source: str = "code") -> Changes:
        """Makes these the services, all at once.

        Args:
            services: all that are to be mounted.
            source: who says so, for the log.

        Raises:
            ConfigError: two of a name or at a path; nothing changed.
        """
        with self._lock:
            changes = self._change(checked_services(services))
            self._told(changes, source)
            return changes

    def close(self) -> None:
        """Gives all connections to services back to the system."""
        for client in self.every_client:
            client.close()

    def _change(self, services: Sequence[Service]) -> Changes:
        before = {built.service.name: built for built in self._built}
        wanted = {service.name: service for service in services}
        kept = {name for name, built in before.items() if built.service == wanted.get(name)}
        new: list[Built] = []
        try:
            for service in services:
                if service.name not in kept:
                    new.append(self._assembly.build(service, before.get(service.name)))
            found = {**before, **{built.service.name: built for built in new}}
            after = tuple(found[service.name] for service in services)
            table = self._assembly.table(after)
        except BaseException:
            for built in new:
                self._assembly.retire(built, before.get(built.service.name))
            raise
        self._built, self.table = after, table
        successors = {built.service.name: built for built in new}
        for name, built in before.items():
            if name not in kept:
                self._assembly.retire(built, successors.get(name))
        return _changes(before, after, kept)

    def _check_known(self, name: object) -> None:
        if name not in self:
            known = ", ".join(self.names) or "there is none"
            raise ConfigError("mounts", name, f"the name of a mounted service: {known}")

    def _told(self, changes: Changes, source: str) -> None:
        if changes:
            _log.info("event=mounts source=%s %s", quoted(source, 200), changes)
        for change in changes.variants:
            _log.info(
                "event=variant service=%s variant=%s %s=%s was=%s source=%s",
                change.service,
                change.variant,
                change.field,
                *(quoted(text, 200) if text else "none" for text in (change.new, change.old, source)),
            )
        self._assembly.note(changes.variants, source)


def _changes(before: Mapping[str, Built], after: Sequence[Built], kept: Collection[str]) -> Changes:
    names = dict.fromkeys(built.service.name for built in after)
    differences = (
        variant_changes(
            built.service.name, before[built.service.name].service.variants, built.service.variants
        )
        for built in after
        if built.service.name in before
    )
    return Changes(
        added=tuple(name for name in names if name not in before),
        changed=tuple(name for name in names if name in before and name not in kept),
        removed=tuple(name for name in before if name not in names),
        unchanged=tuple(name for name in names if name in kept),
        variants=tuple(change for found in differences for change in found),
    )


def checked_services(services: Iterable[Service]) -> list[Service]:
    """Services with names of their own.

    Raises:
        ConfigError: something else, or a name twice.
    """
    if isinstance(services, (str, Service)) or not isinstance(services, Iterable):
        raise ConfigError("services", services, "a list of Service objects")
    found = list(services)
    seen: set[str] = set()
    for service in found:
        if not isinstance(service, Service):
            raise ConfigError("services", service, "Service objects")
        if service.name in seen:
            raise ConfigError("services", service.name, "a name of its own for each service")
        seen.add(service.name)
    return found
