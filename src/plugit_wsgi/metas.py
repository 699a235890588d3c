"""What a service says about its actions: fetched, kept, renewed (protocol section 1).

1. Meta that came but is wrong is refused, and not asked for again for 5 s; the last good one serves only
   while the service cannot be reached. One visitor asks for all who come meanwhile.
2. In the last part of its life a newer one is fetched while visitors go on with it, never after.
"""

from __future__ import annotations

import math

from .answers import MOVED, service_failure
from .cache.kept import Kept
from .clock import Clock, Deadline
from .config import Limits
from .errors import ActionNotFound, ServiceBusy, ServiceError, WireError, is_unreachable
from .exchanges import Exchanges
from .flight import Flights
from .interfaces import Cache
from .lifetimes import read_lifetime
from .setbacks import Setbacks
from .spare import SpareThreads
from .wire import names
from .wire.meta import ActionMeta
from .wire.result import Moved

RENEWED = 0.1
"""The last part of a meta's lifetime, in which a newer one is fetched while visitors go on with this one."""
RENEWABLE = 10.0
"""Seconds that a meta must live for that."""
META_SIZE = 1024
"""Bytes that a meta counts as in the cache."""


class Metas:
    """The meta of the actions of one service. Thread-safe.

    Args:
        service: its name.
        limits: its limits.
        exchanges: with it.
        cache: keeps meta.
        flights: of loads under way, so that many visitors ask once.
        spare: threads that fetch what will be needed.
        clock: the time.
    """

    def __init__(
        self,
        service: str,
        *,
        limits: Limits,
        exchanges: Exchanges,
        cache: Cache,
        flights: Flights,
        spare: SpareThreads,
        clock: Clock,
    ) -> None:
        self._service = service
        self._limits = limits
        self._exchanges = exchanges
        self._cache = cache
        self._flights = flights
        self._spare = spare
        self._clock = clock
        self._setbacks = Setbacks(clock)
        self._renewals = Setbacks(clock)

    def get(self, action: str, deadline: Deadline, request_id: str = "") -> ActionMeta | Moved:
        """The meta of an action, or where the service says that it is.

        Args:
            action: canonical path with a leading slash.
            deadline: of the page.
            request_id: for log and events.

        Raises:
            ActionNotFound: the service has no such action.
            ServiceError: it could not be asked, and nothing recent enough is known; or it answered nonsense.
        """
        key = ("meta", self._service, action)
        kept: Kept[ActionMeta] | None = self._cache.get(key)
        if kept is not None and self._clock.monotonic() < kept.fresh_until:
            if self._clock.monotonic() >= kept.renew_at and self._exchanges.has_spare:
                self._renew_meta(key, kept, action)
            return kept.value
        with self._flights.join(key) as flight:
            if flight.wait(deadline):
                newer: Kept[ActionMeta] | None = self._cache.get(key)
                if newer is not None and self._clock.monotonic() < newer.fresh_until:
                    return newer.value
            return self._newer_meta(key, kept, action, deadline, request_id)

    def _renew_meta(self, key: tuple[str, ...], kept: Kept[ActionMeta], action: str) -> None:
        """Has a newer one fetched, so that no visitor waits for it; tried again some seconds later."""
        if self._renewals.recent(key) is not None:
            return
        self._renewals.note(key, ServiceBusy("it is being renewed"))

        def renew() -> None:
            with self._flights.join(key) as flight:
                if flight.leads and self._exchanges.has_spare:
                    self._newer_meta(key, kept, action, Deadline.after(self._limits.call, self._clock), "")

        self._spare.help(renew, 1)

    def _newer_meta(
        self,
        key: tuple[str, ...],
        kept: Kept[ActionMeta] | None,
        action: str,
        deadline: Deadline,
        request_id: str,
    ) -> ActionMeta | Moved:
        setback = self._setbacks.recent(key)
        try:
            if isinstance(setback, WireError):
                # What came a moment ago was wrong, and will be: to ask at each visit would help nobody.
                raise WireError(str(setback), field=setback.field, received=setback.received)
            found, lifetime = self._fetch_meta(action, deadline, request_id)
        except ActionNotFound:
            self._cache.delete(key)
            raise
        except ServiceError as error:
            if not is_unreachable(error):
                # It has said something newer than what is kept: that is never fallen back to.
                self._cache.delete(key)
                if setback is None and isinstance(error, WireError):
                    self._setbacks.note(key, error)
                raise
            if kept is None:
                raise
            return kept.value
        self._setbacks.forget(key)
        if isinstance(found, Moved):
            self._cache.delete(key)
        else:
            fresh_until = self._clock.monotonic() + lifetime
            renew_at = fresh_until - RENEWED * lifetime if lifetime >= RENEWABLE else math.inf
            newer = Kept(value=found, fresh_until=fresh_until, renew_at=renew_at)
            self._cache.set(key, newer, lifetime + self._limits.meta_stale, META_SIZE)
        return found

    def _fetch_meta(
        self, action: str, deadline: Deadline, request_id: str
    ) -> tuple[ActionMeta | Moved, float]:
        with self._exchanges.get(names.META, action, deadline, request_id=request_id) as exchange:
            response = exchange.response
            if response.status in MOVED:
                target = self._exchanges.moved(names.META, response)
                return Moved(status=response.status, target=f"{names.ACTION}/{target}"), 0.0
            if response.status == 404:
                raise ActionNotFound("action")
            if response.status != 200:
                raise service_failure(response, self._limits)
            meta = ActionMeta.from_json(response.read(self._limits.meta_size))
            return meta, read_lifetime(response.headers, self._limits.meta_lifetime, self._clock.time())
