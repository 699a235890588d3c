"""What is remembered about a visitor: an id for the host, and values for each service apart.

1. Everything is signed; what is not, or was made for somebody else, counts as nothing.
2. A service's values are kept under its own name, never under a prefix of another's.
3. Values belong to one user in one browser: they are dropped when the user changes, and are nothing in the
   browser of somebody else.
4. Over https the visitor's id is a ``__Host-`` cookie, a service's values are a ``__Secure-`` one on its
   mount.
5. A visitor can read the values of the cookie store, and bring back an older state as long as it is not too
   old: no place for secrets or balances.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import webob

from .clock import Clock, SystemClock
from .config import Limits
from .http import read_cookies
from .wire.keys import KeyRing, Purpose

_KEY = re.compile(r"[A-Za-z0-9_-]+")
_TIME_BYTES = 5
_SKEW = 60.0
"""Seconds by which the clocks of two machines of a host may differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """The state of one visitor in one service. Immutable.

    Attributes:
        values: what the service stored; text is latin-1, the bytes of the wire, so that they come back as
            they were set, in whatever encoding.
        organization: id of the current organization; None if none was chosen.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    organization: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", MappingProxyType(dict(self.values)))

    def updated(
        self,
        stored: Iterable[tuple[str, str]],
        deleted: Iterable[str],
        limits: Limits,
        fits: Callable[[Session], bool],
    ) -> tuple[Session, int]:
        """The state after a service's writes.

        Args:
            stored: keys and values, in order.
            deleted: keys, before those.
            limits: of keys and values.
            fits: whether the store can hold a state.

        Returns:
            The new state, and how many writes were over a limit and left out.
        """
        values = dict(self.values)
        ignored = 0
        for key in deleted:
            values = _without(values, key)
        for key, value in stored:
            wanted = {**_without(values, key), key: value}
            small = _is_allowed(key, value, limits) and _is_small(wanted, limits)
            if small and fits(replace(self, values=wanted)):
                values = wanted
            else:
                ignored += 1
        return replace(self, values=values), ignored


NO_SESSION = Session()


def _without(values: Mapping[str, str], key: str) -> dict[str, str]:
    # Keys travel as header names, which have no case; the cookies made of them do.
    return {name: value for name, value in values.items() if name.lower() != key.lower()}


def _is_allowed(key: str, value: str, limits: Limits) -> bool:
    good_key = len(key) <= limits.session_key_size and _KEY.fullmatch(key) is not None
    return good_key and len(value) <= limits.session_value_size


def _is_small(values: Mapping[str, str], limits: Limits) -> bool:
    size = sum(len(key) + len(value) for key, value in values.items())
    return len(values) <= limits.session_keys and size <= limits.session_size


def to_content(session: Session, user_id: str | None, visitor_id: str) -> bytes:
    """The state as bytes for a store, bound to a user and to a visitor's own browser."""
    state = {"i": visitor_id, "u": user_id, "o": session.organization, "v": dict(session.values)}
    return json.dumps(state, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def from_content(content: bytes | None, user_id: str | None, visitor_id: str) -> Session:
    """The reverse of `to_content`; an empty state if it is somebody else's or cannot be read."""
    state = None if content is None else _state_of(content, user_id, visitor_id)
    if state is None:
        return NO_SESSION
    values = state.get("v")
    organization = state.get("o")
    return Session(
        values={str(key): str(value) for key, value in values.items()} if isinstance(values, dict) else {},
        organization=organization if isinstance(organization, str) else None,
    )


def is_foreign(content: bytes | None, user_id: str | None, visitor_id: str) -> bool:
    """There is a state, and it is somebody else's or cannot be read."""
    return content is not None and _state_of(content, user_id, visitor_id) is None


def _state_of(content: bytes | None, user_id: str | None, visitor_id: str) -> dict[str, Any] | None:
    try:
        state = json.loads(content or b"null")
    except (ValueError, RecursionError):
        return None
    owner = (state.get("u"), state.get("i")) if isinstance(state, dict) else ()
    return state if owner == (user_id, visitor_id) else None


class CookieSessions:
    """The default store: one signed cookie for each service. Thread-safe.

    Args:
        keys: the host's ring for this purpose.
        lifetime: seconds after which what was stored is not believed any more.
        clock: the time; None is the machine's.
    """

    capacity = (4096 - 64 - 44) * 3 // 4 - _TIME_BYTES
    """What is left of the 4096 bytes of a cookie after a name of 64, the signature, base64 and the time."""

    def __init__(self, keys: KeyRing, *, lifetime: float = 30 * 86400.0, clock: Clock | None = None) -> None:
        self._keys = keys
        self._lifetime = lifetime
        self._clock = clock or SystemClock()

    def load(self, request: webob.Request, service: str, *, secure: bool) -> bytes | None:
        """See `SessionStore.load`; None as well for what is too old, or of a time to come."""
        found = load_cookie(
            request, cookie_name(service, secure), self._keys, Purpose.SERVICE_SESSION.of(service)
        )
        if found is None or len(found) < _TIME_BYTES:
            return None
        age = self._clock.time() - int.from_bytes(found[:_TIME_BYTES], "big")
        return found[_TIME_BYTES:] if -_SKEW <= age <= self._lifetime else None

    def store(
        self, request: webob.Request, service: str, content: bytes, *, path: str, secure: bool
    ) -> Sequence[str]:
        """See `SessionStore.store`."""
        issued = int(self._clock.time()).to_bytes(_TIME_BYTES, "big")
        token = self._keys.sign(issued + content, Purpose.SERVICE_SESSION.of(service))
        return [format_cookie(cookie_name(service, secure), token, path=path, secure=secure)]

    def forget(self, request: webob.Request, service: str, *, path: str, secure: bool) -> Sequence[str]:
        """See `SessionStore.forget`."""
        return [format_ended_cookie(cookie_name(service, secure), path=path, secure=secure)]


def cookie_name(service: str, secure: bool) -> str:
    """Name of the cookie of a service's values; over https one that plain http cannot set."""
    return ("__Secure-plugit-" if secure else "plugit-") + service


def _visitor_cookie_name(secure: bool) -> str:
    return "__Host-plugit" if secure else "plugit"


def load_cookie(request: webob.Request, name: str, keys: KeyRing, purpose: str) -> bytes | None:
    """What was signed into a cookie; None if there is none, or none that can be believed."""
    # Over https only the prefixed name counts: any neighbour on plain http could plant the other.
    token = read_cookies(request.environ).get(name)
    try:
        return keys.verify(token, purpose) if token else None
    except ValueError:
        return None


class VisitorIds:
    """A random id for each visitor, in a signed cookie of the host. Thread-safe.

    Args:
        keys: the host's ring for this purpose.
    """

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    def load(self, request: webob.Request, *, secure: bool) -> str | None:
        """The visitor's id; None for one who is new."""
        found = load_cookie(request, _visitor_cookie_name(secure), self._keys, Purpose.VISITOR_ID)
        return None if found is None else found.decode("ascii")

    def is_current(self, request: webob.Request, *, secure: bool) -> bool:
        """Whether a cookie that can be read is signed with the newest key, so that it outlives the others."""
        if len(self._keys.keys) == 1:
            return True
        name = _visitor_cookie_name(secure)
        return load_cookie(request, name, self._keys.newest, Purpose.VISITOR_ID) is not None

    def issue(self) -> str:
        """A new id, 128 bits."""
        return secrets.token_urlsafe(16)

    def format_cookie(self, visitor_id: str, *, secure: bool, age: int | None = None) -> str:
        """The Set-Cookie value for an id; `age` as of the function of that name."""
        token = self._keys.sign(visitor_id.encode("ascii"), Purpose.VISITOR_ID)
        return format_cookie(_visitor_cookie_name(secure), token, path="/", secure=secure, age=age)


def format_cookie(name: str, value: str, *, path: str, secure: bool, age: int | None = None) -> str:
    """A Set-Cookie value that scripts cannot read and other sites do not send along.

    `age` is how many seconds a browser keeps it; None is until it is closed.
    """
    attributes = "" if age is None else f"; Max-Age={age}"
    return f"{name}={value}; Path={path}; HttpOnly; SameSite=Lax{attributes}" + ("; Secure" if secure else "")


def format_ended_cookie(name: str, *, path: str, secure: bool) -> str:
    """A Set-Cookie value that takes a cookie out of the browser."""
    return format_cookie(name, "", path=path, secure=secure, age=0)
