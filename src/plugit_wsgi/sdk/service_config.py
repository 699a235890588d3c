"""The settings of a service, read once (protocol section 11)."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..errors import ConfigError
from ..wire.keys import KeyRing, parse_service_keys
from ..wire.meta import TEMPLATE_LANGUAGES, Network
from .decorators import check_language

KEY_VARIABLE = "PLUGIT_SERVICE_KEY"
DEFAULT_API_NAME = "EBUio-PlugIt"
LOOPBACK = ("127.0.0.0/8", "::1/128")
_BASE_URL = re.compile(r"/(?:[A-Za-z0-9._~-]+/)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceConfig:
    """The settings of one service. Immutable.

    Attributes:
        debug: nothing is to be cached (``DEBUG``).
        base_url: where the calls are, with a slash at both ends (``PI_BASE_URL``).
        allowed_networks: who may call (``PI_ALLOWED_NETWORKS``).
        api_name: told by ``version`` (``PI_API_NAME``).
        use_proxy_ip: the caller is the last entry of ``X-Forwarded-For`` (``PI_USE_PROXY_IP``).
        template_language: of the templates whose action says nothing else (``PI_TEMPLATE_LANGUAGE``).
        templates: the folder of the templates, beside the actions (``PI_TEMPLATES``).
        name: the service's name at the host, None is unknown (``PI_SERVICE_NAME``).
        keys: of this service; None: calls are believed by their network alone (``PI_SERVICE_KEY``).
    """

    debug: bool = False
    base_url: str = "/"
    allowed_networks: tuple[Network, ...] = tuple(ipaddress.ip_network(text) for text in LOOPBACK)
    api_name: str = DEFAULT_API_NAME
    use_proxy_ip: bool = False
    template_language: str = TEMPLATE_LANGUAGES[0]
    templates: str = "templates"
    name: str | None = None
    keys: KeyRing | None = field(default=None, repr=False)


def load_config(
    source: object = None,
    *,
    key: str | Sequence[str] | None = None,
    name: str | None = None,
    template_language: str | None = None,
) -> ServiceConfig:
    """The settings out of a module, any object with attributes, a mapping, or None.

    Args:
        source: names as above; what is missing is at its default.
        key: wins over ``PI_SERVICE_KEY``, which wins over the environment's ``PLUGIT_SERVICE_KEY``.
        name: wins over ``PI_SERVICE_NAME``.
        template_language: wins over ``PI_TEMPLATE_LANGUAGE``.

    Raises:
        ConfigError: a setting that cannot be used. A key that is there but empty is one: a service
            that was meant to check must not start without.
    """

    def setting(setting_name: str, default: object = None) -> object:
        if isinstance(source, Mapping):
            return source.get(setting_name, default)
        return getattr(source, setting_name, default)

    language = template_language or setting("PI_TEMPLATE_LANGUAGE", "")
    service_name = name if name is not None else setting("PI_SERVICE_NAME")
    return ServiceConfig(
        debug=bool(setting("DEBUG", False)),
        base_url=_base_url(setting("PI_BASE_URL", "/")),
        allowed_networks=_networks(setting("PI_ALLOWED_NETWORKS", LOOPBACK)),
        api_name=_text("PI_API_NAME", setting("PI_API_NAME", DEFAULT_API_NAME)),
        use_proxy_ip=bool(setting("PI_USE_PROXY_IP", False)),
        template_language=check_language("PI_TEMPLATE_LANGUAGE", language) or TEMPLATE_LANGUAGES[0],
        templates=_text("PI_TEMPLATES", setting("PI_TEMPLATES", "templates")),
        name=None if service_name is None else _text("PI_SERVICE_NAME", service_name),
        keys=_keys(key, setting("PI_SERVICE_KEY"), os.environ.get(KEY_VARIABLE)),
    )


def _text(field_name: str, value: object) -> str:
    if isinstance(value, str) and value:
        return value
    raise ConfigError(field_name, value, "text")


def _base_url(value: object) -> str:
    slashed = f"/{value.strip('/')}/" if isinstance(value, str) and value.strip("/") else value
    if slashed == "":
        slashed = "/"
    if isinstance(slashed, str) and _BASE_URL.fullmatch(slashed):
        return slashed
    raise ConfigError("PI_BASE_URL", value, 'a path, as "/" or "/plugit/"')


def _networks(value: object) -> tuple[Network, ...]:
    expected = 'a list of networks, as ["127.0.0.1/32", "fd00::/8"]'
    if not isinstance(value, (list, tuple, set, frozenset)):
        raise ConfigError("PI_ALLOWED_NETWORKS", value, expected)
    try:
        return tuple(ipaddress.ip_network(text, strict=False) for text in value)
    except ValueError as error:
        raise ConfigError("PI_ALLOWED_NETWORKS", value, expected) from error


def _keys(*candidates: object) -> KeyRing | None:
    for given in candidates:
        if isinstance(given, str):
            return parse_service_keys(given)
        if isinstance(given, (list, tuple)) and all(isinstance(text, str) for text in given):
            return parse_service_keys(given)
        if given is not None:
            raise ConfigError("PI_SERVICE_KEY", f"<{type(given).__name__}>", "text, or a list of it")
    return None
