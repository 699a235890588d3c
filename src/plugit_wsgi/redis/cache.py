"""The cache that workers and machines share.

1. An entry lies under namespace, format and the SHA-256 of its key, and says its whole lifetime. Redis says
   how old it is, by what is left of that. No two clocks of machines are compared.
2. Whoever can write into Redis cannot keep an entry alive: `CLOCKS_DIFFER` seconds after its end by the
   clocks of machines it is gone in any case.
3. Each service has a token of its generation. Entries of another generation are nothing, and a token that is
   not there (`forget`, or Redis made room) makes nothing of all of them.
4. An entry bears the generation from when it was asked for and missed, not from when it was stored: what a
   service said before `forget` is not stored after it.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Sequence
from typing import Any, Final

from ..clock import Clock, SystemClock
from ..wire.keys import Purpose
from .codec import FORMAT, Codec
from .seal import Seal, hashed
from .server import Server

LARGEST: Final = 8 * 1024 * 1024
"""Bytes of the largest entry, as its `size` says."""
LONGEST: Final = 30 * 86400.0
"""Seconds that an entry is kept at most."""
CLOCKS_DIFFER: Final = 60.0
"""Seconds that clocks of machines may be apart."""
REMEMBERED: Final = 64
"""Misses of a thread of which the generation is remembered."""

Key = tuple[Any, ...]


class RedisCache:
    """Implements `Cache`. Thread-safe; opens nothing before its first use.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``, as redis-py reads it.
        secret_key: as of the middleware. What another secret has put there is nothing.
        namespace: of this host, where several share a Redis.
        clock: the time; None is the machine's.

    Raises:
        ConfigError: the URL or the secret is none.
    """

    def __init__(
        self,
        url: str,
        secret_key: str | Sequence[str],
        *,
        namespace: str = "plugit",
        clock: Clock | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._server = Server(url, "the cache", self._clock)
        self._seal = Seal(secret_key, Purpose.REDIS_CACHE)
        self._codec = Codec()
        self._namespace = namespace
        self._missed = threading.local()

    def get(self, key: Key) -> Any | None:
        """See `Cache.get`; None as well if Redis does not answer in time, or with nonsense."""
        name, generation_name = self._names(key)
        # In this order, what is replaced in between looks older than it is, never younger; and what is
        # forgotten in between is gone.
        replies = self._server.ask(("PTTL", name), ("GET", name), ("GET", generation_name))
        if replies is None:
            return None
        left, sealed, generation = replies
        self._remember(name, generation)
        content = self._seal.open(name, sealed)
        if content is None or not isinstance(left, int) or generation is None:
            return None
        return self._read(content, left / 1000, generation)

    def set(self, key: Key, value: Any, seconds: float, size: int) -> None:
        """See `Cache.set`; what Redis does not take is not kept."""
        name, generation_name = self._names(key)
        seconds = min(seconds, LONGEST)
        if seconds < 0.001 or size > LARGEST or not self._store(name, generation_name, value, seconds):
            # It was to be replaced, so the old one goes.
            self._server.ask(("DEL", name))

    def delete(self, key: Key) -> None:
        """See `Cache.delete`; nothing happens if Redis does not answer."""
        self._server.ask(("DEL", self._names(key)[0]))

    def forget(self, service: str) -> bool:
        """Forgets all that is kept of a service, for all workers and machines.

        Returns:
            Redis has done it.
        """
        return self._server.ask(("SET", self._generation_name(service), _new_token())) is not None

    def close(self) -> None:
        """Gives the connections back to the system."""
        self._server.close()

    def _names(self, key: Key) -> tuple[str, str]:
        return f"{self._namespace}:{FORMAT}:{hashed(key)}", self._generation_name(service_of(key))

    def _generation_name(self, service: str) -> str:
        return f"{self._namespace}:generation:{hashed(service)[:32]}"

    def _remember(self, name: str, generation: object) -> None:
        missed = self._missed.__dict__
        if len(missed) >= REMEMBERED:
            missed.clear()
        if isinstance(generation, bytes):
            missed[name] = generation

    def _generation(self, name: str, generation_name: str) -> bytes | None:
        found = self._missed.__dict__.pop(name, None)
        if found is None:
            start = ("SET", generation_name, _new_token(), "NX")
            replies = self._server.ask(start, ("GET", generation_name))
            found = replies[1] if replies else None
        return found if isinstance(found, bytes) else None

    def _store(self, name: str, generation_name: str, value: Any, seconds: float) -> bool:
        generation = self._generation(name, generation_name)
        content = None if generation is None else self._write(value, seconds, generation)
        if content is None:
            return False
        sealed = self._seal.close(name, content)
        return self._server.ask(("SET", name, sealed, "PX", int(seconds * 1000))) is not None

    def _write(self, value: Any, seconds: float, generation: bytes) -> bytes | None:
        try:
            entry = {
                "at": self._clock.time(),
                "for": seconds,
                "generation": generation.decode("ascii"),
                "value": self._codec.encode(value, self._clock.monotonic()),
            }
            return json.dumps(entry, separators=(",", ":"), allow_nan=False).encode("ascii")
        except (TypeError, ValueError, RecursionError) as error:
            self._server.complain("does not keep a %s: %.200r", type(value).__name__, str(error))
            return None

    def _read(self, content: bytes, left: float, generation: object) -> Any | None:
        try:
            entry = json.loads(content)
            age = entry["for"] - left
            too_old = left <= 0 or self._clock.time() > entry["at"] + entry["for"] + CLOCKS_DIFFER
            if too_old or age < -1 or entry["generation"].encode("ascii") != generation:
                return None
            return self._codec.decode(entry["value"], self._clock.monotonic() - max(0.0, age))
        except Exception as error:
            self._server.complain("holds something that cannot be read: %s", type(error).__name__)
            return None


def service_of(key: Key) -> str:
    """The service that a key names: its second part, or that of the key in it; "" if there is none."""
    part = key[1] if len(key) > 1 else ""
    return service_of(part) if isinstance(part, tuple) else str(part)


def _new_token() -> str:
    return secrets.token_hex(8)
