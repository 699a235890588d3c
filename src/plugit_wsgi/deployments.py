"""Where a service is deployed: its URL, and variants of it that some visitors get. Frozen, checked once.

A variant is a deployment of the same service: it shares name, mount, rights, CSRF tokens and, unless it says
otherwise, what is stored for visitors. It shares no key, no connection, and nothing that is kept of answers.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, fields
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from .errors import ConfigError
from .people import Visitor

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,47}")
"""Of a service, or a variant: they are parts of URLs, cookies and keys."""
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Variant:
    """Another deployment of a service, that some visitors get. Immutable.

    Attributes:
        name: ``[a-z0-9][a-z0-9-]*``; it is called with the audience ``service@variant``, and its own key.
        url: base URL, as that of the service.
        users: ids of users who get it.
        groups: names of groups whose users get it.
        organizations: ids of organizations for which visitors get it.
        percent: of the other visitors, 0 to 100, two decimals at most.
        when: anybody else for whom this is true.
        own_sessions: what it stores for a visitor is not shared with the service's other deployments.

    Raises:
        ConfigError: names field, value and what was expected.
    """

    name: str
    url: str
    users: tuple[str, ...] = field(default=(), kw_only=True)
    groups: tuple[str, ...] = field(default=(), kw_only=True)
    organizations: tuple[str, ...] = field(default=(), kw_only=True)
    percent: float = field(default=0, kw_only=True)
    when: Callable[[Visitor], bool] | None = field(default=None, kw_only=True, hash=False)
    own_sessions: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not NAME.fullmatch(self.name):
            raise ConfigError(
                "Variant.name", self.name, "[a-z0-9][a-z0-9-]*, such as 'next', 48 letters at most"
            )
        # Whether plain http is fine is said by the service.
        object.__setattr__(self, "url", checked_url(self.url, self._field("url"), allow_http=True))
        for name in ("users", "groups", "organizations"):
            self._freeze_texts(name)
        self._check_percent()
        if self.when is not None and not callable(self.when):
            raise ConfigError(self._field("when"), self.when, "something that can be called with a Visitor")
        if not isinstance(self.own_sessions, bool):
            raise ConfigError(self._field("own_sessions"), self.own_sessions, "one of False, True")

    @property
    def hundredths(self) -> int:
        """`percent`, as a whole number of hundredths."""
        return round(self.percent * 100)

    def _field(self, name: str) -> str:
        return f"Variant({self.name!r}).{name}"

    def _freeze_texts(self, name: str) -> None:
        value = getattr(self, name)
        is_list = isinstance(value, Collection) and not isinstance(value, (str, bytes))
        if not is_list or not all(isinstance(item, str) and item for item in value):
            raise ConfigError(self._field(name), value, "a list of texts")
        object.__setattr__(self, name, tuple(value))

    def _check_percent(self) -> None:
        value: object = self.percent
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not 0 <= self.percent <= 100 or round(self.percent, 2) != self.percent:
            raise ConfigError(self._field("percent"), value, "a number, 0 to 100, with two decimals at most")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which deployment a visitor gets, and why. Immutable.

    Attributes:
        variant: None is the main deployment.
        by: what decided.
        error: what `when` raised; the visitor gets the main deployment then.
        failed: name of the variant whose `when` raised; "" for none.
    """

    variant: Variant | None = None
    by: Literal["preview", "user", "group", "organization", "when", "percent", "main"] = "main"
    error: Exception | None = field(default=None, repr=False)
    failed: str = ""

    @property
    def name(self) -> str:
        """Of the variant; "" is the main deployment."""
        return "" if self.variant is None else self.variant.name

    @property
    def is_named(self) -> bool:
        """The settings say that this visitor gets the variant; neither a preview nor a lot."""
        return self.by in ("user", "group", "organization", "when")


MAIN = Choice()


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantChange:
    """One setting of a variant that changed while the host runs. Immutable.

    Attributes:
        service, variant: whose.
        field: name of the setting; "variants" if the variant itself came or went.
        old, new: its values, as text; "" for none.
    """

    service: str
    variant: str
    field: str
    old: str
    new: str


def variant_changes(
    service: str, before: Collection[Variant], after: Collection[Variant]
) -> tuple[VariantChange, ...]:
    """What is different between the variants of a service of before and of after, in their order."""
    old, new = ({item.name: item for item in variants} for variants in (before, after))
    found: list[VariantChange] = []
    for name in dict.fromkeys((*old, *new)):
        one, other = old.get(name), new.get(name)
        if one is None or other is None:
            told = {"old": "" if one is None else one.url, "new": "" if other is None else other.url}
            found.append(VariantChange(service=service, variant=name, field="variants", **told))
        one, other = one or Variant(name, new[name].url), other or Variant(name, old[name].url)
        for item in fields(Variant):
            values = getattr(one, item.name), getattr(other, item.name)
            if values[0] != values[1]:
                texts = dict(zip(("old", "new"), map(_text, values), strict=True))
                found.append(VariantChange(service=service, variant=name, field=item.name, **texts))
    return tuple(found)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ",".join(value)
    return getattr(value, "__qualname__", type(value).__name__) if callable(value) else str(value)


def checked_variants(value: object, service: str, url: str, allow_http: bool) -> tuple[Variant, ...]:
    """The variants of a service, in their order.

    Args:
        value: as given to the service.
        service: how errors name the service.
        url: of its main deployment.
        allow_http: as that of the service.

    Raises:
        ConfigError: no list of variants, a name or an URL twice, more than 100 percent together.
    """
    where = f"{service}.variants"
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, Variant) for item in value):
        raise ConfigError(where, value, "a tuple of Variant(...)")
    names: set[str] = set()
    taken = {_place(url): "the service itself"}
    for item in value:
        if item.name in names:
            raise ConfigError(where, item.name, "a name of its own for each variant")
        names.add(item.name)
        checked_url(item.url, f"{where}[{item.name!r}].url", allow_http)
        other = taken.get(_place(item.url))
        if other is not None:
            raise ConfigError(f"{where}[{item.name!r}].url", item.url, f"another URL than that of {other}")
        taken[_place(item.url)] = f"the variant {item.name!r}"
    total = sum(item.hundredths for item in value)
    if total > 10_000:
        raise ConfigError(f"{where}.percent", total / 100, "at most 100 for all variants of a service")
    return tuple(value)


def checked_url(value: object, name: str, allow_http: bool) -> str:
    """A base URL, without trailing slash.

    Raises:
        ConfigError: no http or https, more than a host and a path, or plain http off the loopback.
    """
    expected = "an http:// or https:// URL without user, query or fragment"
    if not isinstance(value, str):
        raise ConfigError(name, value, expected)
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        (parts.hostname or "").encode("idna")  # an empty label, or one that is too long for DNS
    except ValueError as error:
        raise ConfigError(name, value, expected) from error
    extra = parts.username is not None or parts.query or parts.fragment or not value.isascii()
    if not good or extra or re.search(r"[\s\\]|/\.{1,2}(/|$)", value):
        raise ConfigError(name, re.sub(r"//[^/]*@", "//<hidden>@", value), expected)
    if parts.scheme == "http" and not allow_http and not _is_loopback(parts):
        expected = "https, since the address is off the loopback (allow_http=True if the network is yours)"
        raise ConfigError(name, value, expected)
    return value.rstrip("/")


def _is_loopback(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _place(url: str) -> tuple[object, ...]:
    """What two spellings of one base URL share."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme], parts.path.rstrip("/")
