"""Rooms that are chosen by name: imported when they are chosen, so importing the library costs little."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, cast

from .clock import Clock
from .config import Limits, Service
from .errors import ConfigError, TemplateError
from .interfaces import TemplateEngine, Transport

_TRANSPORTS = {
    "requests": ("plugit_wsgi.transport.requests", "RequestsTransport"),
    "curl": ("plugit_wsgi.transport.curl", "CurlTransport"),
}
_MAIL_STORE = ("plugit_wsgi.mail.sql", "SqlMailStore")
_TOKENS_V1 = ("plugit_wsgi.mail.tokens_v1", "TokensV1")
_ENGINES = {
    "django": ("plugit_wsgi.templates.django", "DjangoTemplates"),
    "jinja": ("plugit_wsgi.templates.jinja", "JinjaTemplates"),
}


def make_transport(service: Service, limits: Limits, clock: Clock, threads: int) -> Transport:
    """The transport that a service names; it opens nothing before its first call.

    Raises:
        ConfigError: its extra is not installed, or it cannot work in this process.
    """
    try:
        kind = _load(_TRANSPORTS[service.transport])
    except ImportError as error:
        field = f"Service({service.name!r}).transport"
        needed = f"pip install 'plugit-wsgi[{service.transport}]'"
        raise ConfigError(field, service.transport, needed) from error
    return cast(Transport, kind(service.url, limits=limits, clock=clock, pool_size=max(1, threads)))


def make_engine(name: str, limits: Limits) -> TemplateEngine:
    """The engine of a template language.

    Raises:
        TemplateError: the extra of that name is not installed.
    """
    try:
        kind = _load(_ENGINES[name])
    except ImportError as error:
        message = f"the template is in the language {name!r}: pip install 'plugit-wsgi[{name}]' on the host"
        raise TemplateError(f"{message} ({error})") from error
    return cast(TemplateEngine, kind(max_output=limits.rendered_size))


class Engines:
    """The engines of all services, one for each language, made when first asked for. Thread-safe.

    Args:
        limits: of all templates.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._made = {"django": make_engine("django", limits)}

    def __call__(self, language: str) -> TemplateEngine:
        """The engine of a language.

        Raises:
            TemplateError: as `make_engine`.
        """
        made = self._made.get(language)
        return made or self._made.setdefault(language, make_engine(language, self._limits))


def make_mail_store(url: str) -> Any:
    """The store of mail in a database.

    Raises:
        ConfigError: the extra ``sql`` is not installed, or the URL means nothing.
    """
    try:
        return _load(_MAIL_STORE)(url)
    except ImportError as error:
        raise ConfigError("mail store", "a database", "pip install 'plugit-wsgi[sql]'") from error


def make_tokens_v1(secret_key: str, hash_key: str, services: Mapping[str, str]) -> Any:
    """What reads the reply addresses of the original; see `TokensV1`."""
    return _load(_TOKENS_V1)(secret_key, hash_key, services)


def _load(where: tuple[str, str]) -> Any:
    return getattr(import_module(where[0]), where[1])
