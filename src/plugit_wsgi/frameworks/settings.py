"""What a framework's own settings say, as arguments of the middleware."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ..config import checked_table, limits_from_table, service_from_table
from ..middleware import PlugItMiddleware

ARGUMENTS: Final = tuple(
    name for name in inspect.signature(PlugItMiddleware).parameters if name not in ("host_app", "clock")
)


def arguments_from(settings: object, where: str, *, prefix: str = "") -> dict[str, Any]:
    """The arguments that a table of settings names.

    Args:
        settings: names and values; services may be tables too, as in a TOML file, and so may the limits.
        where: what the table is called, for errors.
        prefix: how names begin there; then they are in capitals.

    Raises:
        ConfigError: not a table; a name that does not exist, with the nearest right one; or as `Service`.
    """
    known = {f"{prefix}{name.upper()}" if prefix else name: name for name in ARGUMENTS}
    found = {known[key]: value for key, value in checked_table(settings, where, known).items()}
    services = found.get("services")
    if isinstance(services, Iterable) and not isinstance(services, (str, Mapping)):
        found["services"] = [
            service_from_table(item, position) if isinstance(item, Mapping) else item
            for position, item in enumerate(services)
        ]
    if isinstance(found.get("limits"), Mapping):
        found["limits"] = limits_from_table(found["limits"])
    return found


def with_prefix(settings: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Those settings whose name begins so."""
    return {name: value for name, value in settings.items() if name.startswith(prefix)}


def host_secrets(newest: object, older: Iterable[object] = ()) -> list[object]:
    """The secrets of a host, which its services' keys are made of if it names none for them; newest last."""
    return [secret for secret in (*older, newest) if secret]
