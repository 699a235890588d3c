"""Values in the tables of a TOML file, of the kind that is wanted, or an error with their place."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime, timezone
from typing import Any

from ..errors import ConfigError


def tables_of(values: Mapping[str, Any], name: str, above: str = "") -> list[tuple[Any, str]]:
    """The tables of a list, each with its place for errors."""
    where = _below(above, name)
    found = values.get(name, [])
    if not isinstance(found, list):
        raise ConfigError(where, found, "a list of tables")
    return [(table, f"{where}[{position}]") for position, table in enumerate(found)]


def table_of(values: Mapping[str, Any], name: str, above: str = "") -> Mapping[str, Any]:
    """A table; an empty one where there is none."""
    found = values.get(name, {})
    if not isinstance(found, Mapping):
        raise ConfigError(_below(above, name), found, "a table")
    return found


def id_of(values: Mapping[str, Any], where: str, name: str = "id") -> str:
    """An id, which has to be there."""
    return checked_id(values.get(name), f"{where}.{name}")


def checked_id(found: Any, where: str) -> str:
    """An id as text."""
    if isinstance(found, bool) or not isinstance(found, (str, int)) or found == "":
        raise ConfigError(where, found, "text or a whole number")
    return str(found)


def known_id(found: Any, where: str, known: Collection[str], kind: str) -> str:
    """An id that stands elsewhere in the file, in a list of tables of some kind."""
    checked = checked_id(found, where)
    if checked not in known:
        raise ConfigError(where, checked, f"the id of one of the [[{kind}]]")
    return checked


def text_of(values: Mapping[str, Any], name: str, where: str) -> str:
    """Text; "" where there is none."""
    found = values.get(name, "")
    if not isinstance(found, str):
        raise ConfigError(f"{where}.{name}", found, "text")
    return found


def flag_of(values: Mapping[str, Any], name: str, where: str, *, default: bool = False) -> bool:
    """True or false."""
    found = values.get(name, default)
    if not isinstance(found, bool):
        raise ConfigError(f"{where}.{name}", found, "true or false")
    return found


def texts(found: Any, where: str) -> tuple[str, ...]:
    """A list of texts."""
    if not all(isinstance(item, str) for item in list_of(found, where, "a list of texts")):
        raise ConfigError(where, found, "a list of texts")
    return tuple(found)


def list_of(found: Any, where: str, expected: str) -> list[Any]:
    """A list of whatever."""
    if not isinstance(found, list):
        raise ConfigError(where, found, expected)
    return found


def moment_of(values: Mapping[str, Any], name: str, where: str) -> datetime | None:
    """A moment: a date is its first one, what has no time zone is UTC; None where there is none."""
    found = values.get(name)
    if found is None:
        return None
    if isinstance(found, datetime):
        return found if found.tzinfo is not None else found.replace(tzinfo=timezone.utc)
    if isinstance(found, date):
        return datetime(found.year, found.month, found.day, tzinfo=timezone.utc)
    raise ConfigError(f"{where}.{name}", found, "a date or a date with a time, without quotes, as 2027-01-31")


def _below(above: str, name: str) -> str:
    return f"{above}.{name}" if above else name
