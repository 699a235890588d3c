"""Flat settings of text, as an ini file has them, as arguments of the middleware."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

from ..config import Limits, Service
from ..middleware import PlugItMiddleware
from .settings import arguments_from

PREFIX: Final = "plugit."
_OWN: Final = ("csrf", "file", "layout", "user")
_ARGUMENTS = {
    name: parameter.default for name, parameter in inspect.signature(PlugItMiddleware).parameters.items()
}
_SERVICE = {item.name: item.default for item in fields(Service)}
_LIMITS = {item.name: item.default for item in fields(Limits)}
_TRUTH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def arguments_from_ini(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that settings named ``plugit.*`` say; others are left alone.

    Raises:
        ConfigError: a name that does not exist, with the nearest right one; or as `Service`.
    """
    found: dict[str, Any] = {}
    own: dict[str, Any] = {}
    services: dict[str, dict[str, Any]] = {}
    for key, value in settings.items():
        if not key.startswith(PREFIX):
            continue
        name, _, rest = key.removeprefix(PREFIX).partition(".")
        if name == "service" and rest:
            service, _, option = rest.partition(".")
            option = option or "url"
            services.setdefault(service, {"name": service})[option] = _read(value, _SERVICE.get(option))
        elif name == "limits" and rest:
            found.setdefault("limits", {})[rest] = _read(value, _LIMITS.get(rest))
        elif key.removeprefix(PREFIX) in _OWN:
            own[name] = value
        elif name == "secret_key" and isinstance(value, str):
            found[name] = [line.strip() for line in value.splitlines() if line.strip()]
        else:
            found[key.removeprefix(PREFIX)] = _read(value, _ARGUMENTS.get(name))
    if services:
        found["services"] = [*services.values()]
    return {**arguments_from(found, PREFIX.rstrip(".")), **own}


def _read(value: Any, default: object) -> Any:
    """Text as a value of the kind of the default; what it cannot be read as is left for the check to name."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if isinstance(default, bool):
        return _TRUTH.get(text.lower(), text)
    if isinstance(default, tuple):
        return tuple(text.split())
    if isinstance(default, (int, float)) or (default is None and text.isdecimal()):
        try:
            return float(text) if isinstance(default, float) else int(text)
        except ValueError:
            return text
    return text
