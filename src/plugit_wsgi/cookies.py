"""Cookies of a service: out under names of ours, back under its own.

1. A service names its cookies and gives their values; every attribute is ours. The path is the mount, there
   is no domain, scripts cannot read them.
2. A name holds the service's, closed by a dot, which no service's name has: ``shop`` neither sets nor reads
   what is ``shop-admin``'s, ours or the host's.
3. A value is signed for service, name and owner: another user's is nothing, and one of nobody's is for the
   browser that got it, or a neighbour of the host could plant their own.
4. What has a reserved name, does not parse or is over a quota is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timezone
from email.utils import parsedate_to_datetime
from types import MappingProxyType

import webob

from .clock import Clock
from .config import Limits
from .http import read_cookies
from .session import format_cookie, format_ended_cookie, load_cookie
from .wire.keys import KeyRing, Purpose

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_VALUE = re.compile(r"[\t\x20-\x3a\x3c-\x7e\x80-\xff]*")
_SECONDS = re.compile(r"-?[0-9]{1,15}")
_RESERVED_STARTS = ("--host-", "--secure-", "--http-", "plugit", "ebuio-", "$")
_RESERVED = frozenset(
    (
        *("csrftoken", "comment", "domain", "expires", "httponly", "max-age", "partitioned"),
        *("path", "priority", "samesite", "secure", "version"),
    )
)
"""A name of ours, and those that some parser of a Cookie header takes for an attribute of the one before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The cookies of one service that a visitor has. Immutable.

    Attributes:
        values: by the service's own names, latin-1 text: the bytes as they were set.
        foreign: names, as the browser has them, of those that are somebody else's or no longer readable.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    foreign: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", MappingProxyType(dict(self.values)))


NO_COOKIES = Held()


class ServiceCookies:
    """Cookies of one service. Thread-safe.

    Args:
        keys: the host's ring for this purpose.
        service: its name.
        limits: how many, how large, for how long.
        clock: the time, for dates.
    """

    def __init__(self, keys: KeyRing, service: str, limits: Limits, clock: Clock) -> None:
        self._keys = keys
        self._service = service
        self._limits = limits
        self._clock = clock

    def load(self, request: webob.Request, owner: str, *, secure: bool) -> Held:
        """What a visitor has of this service; `owner` as of `owner_of`."""
        start = self._full_name("", secure)
        values: dict[str, str] = {}
        foreign = []
        for full_name in sorted(read_cookies(request.environ)):
            name = full_name.removeprefix(start)
            if name == full_name or not is_allowed_name(name):
                continue
            value = load_cookie(
                request, full_name, self._keys, Purpose.SERVICE_COOKIE.of(self._subject(name, owner))
            )
            if value is None or not self._has_room(values, name, value.decode("latin-1")):
                foreign.append(full_name)
            else:
                values[name] = value.decode("latin-1")
        return Held(values=values, foreign=tuple(foreign))

    def rebuilt(
        self, lines: Iterable[str], held: Held, owner: str, *, path: str, secure: bool
    ) -> tuple[Sequence[str], int]:
        """What a service sets, as Set-Cookie values of ours.

        Args:
            lines: the service's Set-Cookie values, as received.
            held: what the visitor has already; it counts for the quota.
            owner: as of `owner_of`.
            path: of the mount, with trailing slash.
            secure: the visitor came by https.

        Returns:
            One value for each name, and how many lines were left out.
        """
        values = dict(held.values)
        found: dict[str, str] = {}
        ignored = 0
        for line in lines:
            parsed = self._parse(line)
            if parsed is None:
                ignored += 1
                continue
            name, value, age = parsed
            full_name = self._full_name(name, secure)
            if age is not None and age <= 0:
                values.pop(name, None)
                found[name] = format_ended_cookie(full_name, path=path, secure=secure)
            elif self._has_room(values, name, value):
                values[name] = value
                token = self._keys.sign(
                    value.encode("latin-1"), Purpose.SERVICE_COOKIE.of(self._subject(name, owner))
                )
                found[name] = format_cookie(full_name, token, path=path, secure=secure, age=age)
            else:
                ignored += 1
        return list(found.values()), ignored

    def ended(self, held: Held, *, path: str, secure: bool) -> list[str]:
        """Set-Cookie values that take what is somebody else's out of the browser."""
        return [format_ended_cookie(name, path=path, secure=secure) for name in held.foreign]

    def _parse(self, line: str) -> tuple[str, str, int | None] | None:
        """Name, value and seconds to live of a Set-Cookie value (RFC 6265 section 5.2)."""
        pair, _, attributes = line.partition(";")
        name, equals, value = (part.strip(" \t") for part in pair.partition("="))
        if not equals or not is_allowed_name(name) or not _VALUE.fullmatch(value):
            return None
        age = self._age(attributes)
        return name, value, None if age is None else min(age, int(self._limits.cookie_age))

    def _age(self, attributes: str) -> int | None:
        found: int | None = None
        for attribute in attributes.split(";"):
            name, _, value = (part.strip(" \t") for part in attribute.partition("="))
            if name.lower() == "max-age" and _SECONDS.fullmatch(value):
                return int(value)
            if name.lower() == "expires" and found is None:
                found = self._seconds_until(value)
        return found

    def _seconds_until(self, date: str) -> int | None:
        try:
            moment = parsedate_to_datetime(date.replace("-", " "))
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=timezone.utc)
            return int(moment.timestamp() - self._clock.time())
        except (ValueError, TypeError, IndexError, OverflowError, OSError):
            return None

    def _has_room(self, values: Mapping[str, str], name: str, value: str) -> bool:
        sizes = {key: len(key) + len(text) for key, text in {**values, name: value}.items()}
        limits = self._limits
        return (
            len(sizes) <= limits.cookie_count
            and sizes[name] <= limits.cookie_size
            and sum(sizes.values()) <= limits.cookies_size
        )

    def _full_name(self, name: str, secure: bool) -> str:
        # Over https only the prefixed name counts: any neighbour on plain http could plant the other.
        return f"{'__Secure-' if secure else ''}plugit-c-{self._service}.{name}"

    def _subject(self, name: str, owner: str) -> str:
        return json.dumps([self._service, name, owner])


def owner_of(user_id: str | None, visitor_id: str) -> str:
    """Whose cookies a visitor has: the user's, in any browser; without one, those of this browser."""
    return f"visitor {visitor_id}" if user_id is None else f"user {user_id}"


def is_allowed_name(name: str) -> bool:
    """A service may call a cookie so; case does not count, and ``_`` is ``-``, as some parsers have it."""
    folded = name.lower().replace("_", "-")
    is_reserved = folded in _RESERVED or folded.startswith(_RESERVED_STARTS)
    return _NAME.fullmatch(name) is not None and not is_reserved
