"""Previews: a signed link that offers a variant to whoever has it, and the cookie of those who took it.

1. Link and cookie have purposes of their own: a link is no cookie, so nobody is in a preview by a GET.
2. Both name service and variant, and end at the moment that the link was made for, whenever it was taken.
3. A cookie may also be for the main deployment, for somebody whom the settings give a variant; a link is not.
4. A cookie that does not count (altered, over, of another service, for a variant that is gone) is nothing to
   whoever asks for a page, and is taken out of the browser.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import webob

from ..clock import Clock
from ..config import Service
from ..errors import ConfigError, PreviewRejected
from ..http import read_cookies
from ..session import format_cookie, format_ended_cookie
from ..wire.context import SKEW
from ..wire.keys import KeyRing, Purpose
from ..wire.names import PREVIEW

LONGEST: Final = 30 * 86400.0
"""Seconds that a link may be good for."""
AWAY: Final = 3600.0
"""Seconds for which somebody goes away from a variant to the main deployment."""
_LONGEST_TOKEN: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewGrant:
    """What a link or a cookie is good for. Immutable.

    Attributes:
        variant: its name; "" is the main deployment, and in cookies only.
        expires: Unix time in seconds.
    """

    variant: str
    expires: float


class Previews:
    """Makes and reads links and cookies of previews. Thread-safe.

    Args:
        keys: the host's ring for this purpose.
        clock: the time.
    """

    def __init__(self, keys: KeyRing, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    def link_token(self, service: str, variant: str, lifetime: float) -> str:
        """A token for a link, ASCII.

        Args:
            service: its name.
            variant: its name.
            lifetime: seconds after which link and preview are over.

        Raises:
            ConfigError: `lifetime` is not above 0, or over 30 days.
        """
        if not 0 < lifetime <= LONGEST:
            raise ConfigError("lifetime", lifetime, f"seconds, above 0, at most {LONGEST:.0f}")
        grant = PreviewGrant(variant=variant, expires=int(self._clock.time() + lifetime))
        return self._sign(service, grant, Purpose.PREVIEW_LINK)

    def read_link(self, service: Service, token: str) -> PreviewGrant:
        """What a link offers.

        Raises:
            PreviewRejected: it is altered, of another service, over, or its variant is gone.
        """
        found = self._read(service, token, Purpose.PREVIEW_LINK)
        if not found.variant:
            raise PreviewRejected("preview_gone")
        return found

    def grant(self, request: webob.Request, service: Service, *, secure: bool) -> PreviewGrant | None:
        """The preview that a visitor is in; None without a cookie that counts."""
        token = read_cookies(request.environ).get(cookie_name(service.name, secure))
        try:
            return self._read(service, token, Purpose.PREVIEW_COOKIE) if token else None
        except PreviewRejected:
            return None

    def load(self, request: webob.Request, service: Service, *, secure: bool) -> str | None:
        """What a visitor previews: the name of a variant, "" for the main deployment; None is nothing."""
        found = self.grant(request, service, secure=secure)
        return None if found is None else found.variant

    def start(self, service: Service, grant: PreviewGrant, *, path: str, secure: bool) -> str:
        """The Set-Cookie value of a preview; the browser drops it when the link is over.

        Args:
            service: whose.
            grant: of the link.
            path: of the mount, with trailing slash.
            secure: the visitor came by https.
        """
        token = self._sign(service.name, grant, Purpose.PREVIEW_COOKIE)
        age = max(1, int(grant.expires + SKEW - self._clock.time()))
        return format_cookie(cookie_name(service.name, secure), token, path=path, secure=secure, age=age)

    def go_away(self, service: Service, *, path: str, secure: bool) -> str:
        """The Set-Cookie value for the main deployment, for an hour; arguments as of `start`."""
        grant = PreviewGrant(variant="", expires=self._clock.time() + AWAY)
        return self.start(service, grant, path=path, secure=secure)

    def leave(self, service: Service, *, path: str, secure: bool) -> str:
        """The Set-Cookie value that ends a preview; arguments as of `start`."""
        return format_ended_cookie(cookie_name(service.name, secure), path=path, secure=secure)

    def ended(self, request: webob.Request, service: Service, *, path: str, secure: bool) -> Sequence[str]:
        """Set-Cookie values that take a cookie which does not count out of the browser."""
        is_there = cookie_name(service.name, secure) in read_cookies(request.environ)
        if not is_there or self.load(request, service, secure=secure) is not None:
            return ()
        return (self.leave(service, path=path, secure=secure),)

    def _sign(self, service: str, grant: PreviewGrant, purpose: Purpose) -> str:
        claims = {"aud": f"{service}@{grant.variant}", "exp": int(grant.expires)}
        return self._keys.sign(json.dumps(claims, separators=(",", ":")).encode("ascii"), purpose)

    def _read(self, service: Service, token: str, purpose: Purpose) -> PreviewGrant:
        if len(token) > _LONGEST_TOKEN:
            raise PreviewRejected("preview_altered")
        try:
            claims = json.loads(self._keys.verify(token, purpose))
        except ValueError:
            raise PreviewRejected("preview_altered") from None
        name, _, variant = claims["aud"].partition("@")
        if name != service.name:
            raise PreviewRejected("preview_foreign")
        if self._clock.time() > claims["exp"] + SKEW:
            raise PreviewRejected("preview_expired")
        if variant and variant not in {item.name for item in service.variants}:
            raise PreviewRejected("preview_gone")
        return PreviewGrant(variant=variant, expires=claims["exp"])


def link_url(mount: str, token: str) -> str:
    """The link with a token; `mount` is a URL or a URL path, with trailing slash."""
    return f"{mount}{PREVIEW}?token={token}"


def cookie_name(service: str, secure: bool) -> str:
    """Name of the cookie; the dot keeps it apart from those of services, whose names have none."""
    return f"{'__Secure-' if secure else ''}plugit-preview.{service}"


__all__ = ["PreviewGrant", "Previews", "cookie_name", "link_url"]
