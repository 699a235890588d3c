"""What a host sets: services, limits, stores. Frozen, checked once, at construction."""

from __future__ import annotations

import difflib
import math
import re
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from .deployments import NAME, checked_url, checked_variants
from .deployments import Variant as Variant
from .errors import ConfigError
from .interfaces import Cache, SessionStore
from .wire import names

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB
Mode = Literal["actions", "pages"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long, how much, how many. Durations in seconds, sizes in bytes. Immutable.

    Attributes:
        page: deadline of a whole page: meta, template, includes and action together.
        connect: to connect to a service.
        call: for one of meta, template, ping, version, mail.
        stall: a stream without a byte for this long is cut.
        minimum_rate: bytes a second below which a stream is cut, measured over `stall`.
        meta_size, template_size, action_size: caps of these answers.
        page_size: cap of a body in pages mode.
        rendered_size: cap of a rendered template.
        header_count, header_size: caps of the head of an answer.
        interim_answers: how many 1xx answers may come before the real one.
        upload_size: cap of a visitor's body; form_size: of a urlencoded one; form_parts: of fields and files.
        busy_wait: how long a visitor may wait for a place at a busy service.
        service_places: calls on one service at a time; None is half of the threads.
        total_places: calls on all services together; None is three quarters of the threads.
        service_streams: files over 1 MiB of one service on their way at a time; None is all that the calls of
            all services leave, but one for the others.
        meta_lifetime: of a meta that names none.
        meta_stale: how long the last good meta serves while the service cannot be reached.
        page_stale: how long after its time a kept page may still be shown: while one visitor's request looks
            for a newer one, or while the service cannot be asked.
        cache_size: bytes of pages, meta and templates kept in memory, each process.
        layouts_size: bytes of captured layouts kept in memory, each process.
        session_keys, session_key_size, session_value_size, session_size: what a service may store for a
            visitor; sizes count bytes.
        session_age: how long after it was stored the cookie store believes a session.
        cookie_count, cookie_size, cookies_size, cookie_age: of a mount with ``cookies=True``: how many, bytes
            of name and value of one and of all, and the longest time to live.
        retry_after: the longest Retry-After of a service that is passed on.
        api_rate, api_burst: calls of the API a second of one service, and at once when there were none
            before; each process.
        api_places: calls of the API of all services at a time; None is a quarter of the threads.
    """

    page: float = 5.0
    connect: float = 0.5
    call: float = 2.0
    stall: float = 5.0
    minimum_rate: int = 1 * KIB
    meta_size: int = 64 * KIB
    template_size: int = 256 * KIB
    action_size: int = 512 * KIB
    page_size: int = 2 * MIB
    rendered_size: int = 2 * MIB
    header_count: int = 64
    header_size: int = 32 * KIB
    interim_answers: int = 8
    upload_size: int = 2 * GIB
    form_size: int = 4 * MIB
    form_parts: int = 1000
    busy_wait: float = 0.05
    service_places: int | None = None
    total_places: int | None = None
    service_streams: int | None = None
    meta_lifetime: float = 300.0
    meta_stale: float = 600.0
    page_stale: float = 600.0
    cache_size: int = 32 * MIB
    layouts_size: int = 8 * MIB
    session_keys: int = 32
    session_key_size: int = 64
    session_value_size: int = 1 * KIB
    session_size: int = 3 * KIB
    session_age: float = 30 * 86400.0
    cookie_count: int = 8
    cookie_size: int = 1 * KIB
    cookies_size: int = 2 * KIB
    cookie_age: float = 30 * 86400.0
    retry_after: float = 60.0
    api_rate: float = 500.0
    api_burst: int = 1000
    api_places: int | None = None

    def __post_init__(self) -> None:
        for item in fields(self):
            _check_limit(item.name, getattr(self, item.name), item.default)


_TIMES = ("page", "connect", "call", "stall")
_RATES = ("api_rate", "api_burst")


def _check_limit(name: str, value: object, default: object) -> None:
    whole = isinstance(default, int) or default is None
    if value is None and default is None:
        return
    kind = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kind) or not 0 <= value < math.inf:
        expected = "a whole number" if whole else "a number of seconds"
        raise ConfigError(f"Limits.{name}", value, f"{expected}, 0 or more")
    if default is None and value == 0:
        raise ConfigError(f"Limits.{name}", value, "1 or more, or None for the default")
    if name in _TIMES and value == 0:
        raise ConfigError(f"Limits.{name}", value, "a number of seconds above 0")
    if name in _RATES and value == 0:
        raise ConfigError(f"Limits.{name}", value, "a number of calls above 0")


@dataclass(frozen=True, slots=True)
class Service:
    """A service and where it is mounted. Immutable.

    Attributes:
        name: ``[a-z0-9][a-z0-9-]*``; the last part of its mount, and its audience in signed contexts.
        url: base URL, http or https.
        mode: "actions" (meta, templates, actions) or "pages" (the protocol's ProxyMode).
        mount: URL path of the host; None is the middleware's prefix and the name.
        organizations: organization mode.
        user_fields: the fields of a user that the service may learn.
        menu_action: name of the template block that is the menu.
        limits: None is the middleware's.
        variants: other deployments of it, for some visitors; in this order where several would do.
        allow_http: http to an address off the loopback.
        media_login: media only for logged users.
        cookies: hand the cookies of the service to visitors, under names of ours; else they are dropped.
        csrf_marker: of pages mode: "plain", that of the original, or "nonce", another one in each request.
        redirect_hosts: hosts (``example.org`` or ``example.org:8080``) that the service may redirect to.
        cors_credentials: pass ``Access-Control-Allow-Credentials`` on.
        transport: "requests", or "curl" (extra `curl`).
        sandbox: for a service that one does not trust: its pages come in a sandboxed frame, read-only.
        partial: scripts of a page get the content of another one alone, without the layout.
        api_key_in_url: the service may call the API with its key in the URL, for services of version 1. URLs
            end up in logs.
        mail_to: whom the service may send mail: "known" is those whom the directory knows, or "anyone".
        mail_quota: recipients an hour.
        fallback_status: HTTP status of a page that stands in for one of the service; None is the error's own.

    Raises:
        ConfigError: names field, value and what was expected.
    """

    name: str
    url: str
    mode: Mode = field(default="actions", kw_only=True)
    mount: str | None = field(default=None, kw_only=True)
    organizations: bool = field(default=False, kw_only=True)
    user_fields: tuple[str, ...] = field(default=names.USER_FIELDS, kw_only=True)
    menu_action: str = field(default="menubar", kw_only=True)
    limits: Limits | None = field(default=None, kw_only=True)
    variants: tuple[Variant, ...] = field(default=(), kw_only=True)
    allow_http: bool = field(default=False, kw_only=True)
    media_login: bool = field(default=False, kw_only=True)
    cookies: bool = field(default=False, kw_only=True)
    csrf_marker: str = field(default="plain", kw_only=True)
    redirect_hosts: tuple[str, ...] = field(default=(), kw_only=True)
    cors_credentials: bool = field(default=False, kw_only=True)
    transport: str = field(default="requests", kw_only=True)
    sandbox: bool = field(default=False, kw_only=True)
    partial: bool = field(default=False, kw_only=True)
    api_key_in_url: bool = field(default=False, kw_only=True)
    mail_to: Literal["known", "anyone"] = field(default="known", kw_only=True)
    mail_quota: int = field(default=100, kw_only=True)
    fallback_status: int | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not NAME.fullmatch(self.name):
            raise ConfigError(
                "Service.name", self.name, "[a-z0-9][a-z0-9-]*, such as 'polls', 48 letters at most"
            )
        url = checked_url(self.url, f"Service({self.name!r}).url", self.allow_http)
        object.__setattr__(self, "url", url)
        if self.mount is not None:
            object.__setattr__(self, "mount", checked_path(self.mount, f"Service({self.name!r}).mount"))
        for name, expected in _CHOICES.items():
            self._check_choice(name, expected)
        for name in ("user_fields", "redirect_hosts"):
            self._freeze_texts(name)
        for name in (
            "organizations",
            "allow_http",
            "media_login",
            "cookies",
            "cors_credentials",
            "sandbox",
            "partial",
            "api_key_in_url",
        ):
            self._check_choice(name, (False, True))
        self._check_hosts()
        status = self.fallback_status
        if status is not None and (isinstance(status, bool) or status not in range(200, 600)):
            raise ConfigError(f"Service({self.name!r}).fallback_status", status, "200 to 599, or None")
        quota = self.mail_quota
        if isinstance(quota, bool) or not isinstance(quota, int) or not 0 <= quota <= 1_000_000:
            raise ConfigError(f"Service({self.name!r}).mail_quota", quota, "a whole number, 0 to 1000000")
        if self.limits is not None and not isinstance(self.limits, Limits):
            raise ConfigError(f"Service({self.name!r}).limits", self.limits, "Limits(...)")
        variants = checked_variants(self.variants, f"Service({self.name!r})", self.url, self.allow_http)
        object.__setattr__(self, "variants", variants)
        self._refuse_ways_out()

    def _check_choice(self, name: str, expected: tuple[object, ...]) -> None:
        value = getattr(self, name)
        if not any(value is choice or (isinstance(choice, str) and value == choice) for choice in expected):
            choices = ", ".join(map(repr, expected))
            raise ConfigError(f"Service({self.name!r}).{name}", value, f"one of {choices}")

    def _freeze_texts(self, name: str) -> None:
        value = getattr(self, name)
        if isinstance(value, str) or not isinstance(value, Collection):
            raise ConfigError(f"Service({self.name!r}).{name}", value, "a tuple of names")
        if not all(isinstance(item, str) for item in value):
            raise ConfigError(f"Service({self.name!r}).{name}", value, "a tuple of names")
        object.__setattr__(self, name, tuple(value))

    def _check_hosts(self) -> None:
        for host in self.redirect_hosts:
            if not isinstance(host, str) or not _HOST.fullmatch(host):
                raise ConfigError(
                    f"Service({self.name!r}).redirect_hosts", host, "host or host:port, without a scheme"
                )

    def _refuse_ways_out(self) -> None:
        """What would lead out of a sandbox, or could not work in one: its frame sends no cookies."""
        for name in _WAYS_OUT if self.sandbox else ():
            value = getattr(self, name)
            if value:
                raise ConfigError(f"Service({self.name!r}).{name}", value, "nothing, since sandbox=True")


_WAYS_OUT = ("redirect_hosts", "cors_credentials", "media_login", "cookies", "partial", "variants")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?")
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")
_CHOICES: dict[str, tuple[object, ...]] = {
    "mode": ("actions", "pages"),
    "csrf_marker": ("plain", "nonce"),
    "transport": ("requests", "curl"),
    "mail_to": ("known", "anyone"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Where things are kept; None is in this process, and in signed cookies for sessions. Immutable."""

    cache: Cache | None = None
    sessions: SessionStore | None = None


def checked_path(value: object, name: str) -> str:
    """A URL path to mount something at, without trailing slash.

    Raises:
        ConfigError: no leading slash, empty or dot segments, other characters than unreserved ones.
    """
    path = value.rstrip("/") if isinstance(value, str) else ""
    if not _PATH.fullmatch(path) or any(part in (".", "..") for part in path.split("/")):
        raise ConfigError(name, value, "a path with a leading slash, such as '/s'")
    return path


def service_from_table(table: object, position: int) -> Service:
    """One table of ``[[services]]`` as a service.

    Raises:
        ConfigError: a key that does not exist, with the nearest right one; or as `Service`.
    """
    where = f"services[{position}]"
    values = checked_table(table, where, [item.name for item in fields(Service)])
    for name in ("name", "url"):
        if name not in values:
            raise ConfigError(f"{where}.{name}", None, "a value")
    if "limits" in values:
        values["limits"] = limits_from_table(values["limits"], f"{where}.limits")
    if "variants" in values:
        values["variants"] = variants_from_tables(values["variants"], f"{where}.variants")
    return Service(**values)


def variants_from_tables(tables: object, where: str) -> tuple[Variant, ...]:
    """The tables of ``[[services.variants]]`` as variants.

    Raises:
        ConfigError: no tables, a key that does not exist, or as `Variant`.
    """
    if not isinstance(tables, list):
        raise ConfigError(where, tables, "[[services.variants]] tables")
    return tuple(_variant_from_table(table, f"{where}[{number}]") for number, table in enumerate(tables))


def _variant_from_table(table: object, where: str) -> Variant:
    if isinstance(table, Mapping) and "when" in table:
        raise ConfigError(f"{where}.when", table["when"], "nothing: only Python can say it")
    values = checked_table(table, where, [item.name for item in fields(Variant) if item.name != "when"])
    for name in ("name", "url"):
        if name not in values:
            raise ConfigError(f"{where}.{name}", None, "a value")
    return Variant(**values)


def limits_from_table(table: object, where: str = "limits") -> Limits:
    """A TOML table as limits.

    Raises:
        ConfigError: a key that does not exist, or as `Limits`.
    """
    return Limits(**checked_table(table, where, [item.name for item in fields(Limits)]))


def read_toml(path: str | PathLike[str]) -> dict[str, Any]:
    """The top table of a TOML file.

    Raises:
        ConfigError: the file cannot be read.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError("file", str(path), f"a TOML file that can be read ({error})") from error


def checked_table(table: object, where: str, known: Collection[str]) -> dict[str, Any]:
    """A copy of a TOML table whose keys are all known.

    Raises:
        ConfigError: not a table, or an unknown key.
    """
    if not isinstance(table, Mapping):
        raise ConfigError(where, table, "a table")
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.4)
            hint = f"did you mean {near[0]!r}?" if near else f"one of {', '.join(sorted(known))}"
            # A secret under a misspelt name is a secret still.
            spelled = (key, *near) if near and near[0].lower().endswith("secret_key") else (key,)
            is_secret = re.search("secret|password|token", " ".join(spelled), re.IGNORECASE)
            shown = f"<{type(table[key]).__name__}>" if is_secret else table[key]
            raise ConfigError(f"{where}.{key}" if where else key, shown, f"a key that exists; {hint}")
    return dict(table)
