"""What the host's API tells (protocol section 9)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiUser:
    """A user. Immutable.

    Attributes:
        pk: as it was asked for, or as the host told it.
        id: as text.
        orgas: ``{"id", "name", "codops", "is_admin"}`` each.
        extra: whatever else the host told; also readable as attributes.
    """

    pk: Any
    id: str
    username: str = ""
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    ebuio_member: bool = False
    ebuio_admin: bool = False
    ebuio_orga_member: bool = False
    ebuio_orga_admin: bool = False
    subscription_labels: tuple[str, ...] = ()
    orgas: tuple[Mapping[str, Any], ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and name in self.extra:
            return self.extra[name]
        raise AttributeError(f"the host told no {name!r} of this user")

    @classmethod
    def from_mapping(cls, raw: Mapping[str, Any], pk: Any = None) -> ApiUser:
        """The user in a decoded object; what is missing or null is at its default."""
        known: dict[str, Any] = {name: str(raw.get(name) or "") for name in _USER_TEXTS}
        known.update((name, bool(raw.get(name))) for name in _USER_FLAGS)
        own_pk = raw.get("pk", pk)
        return cls(
            pk=own_pk,
            id=str(raw.get("id", own_pk)),
            subscription_labels=_tuple(raw.get("subscription_labels")),
            orgas=_tuple(raw.get("orgas")),
            extra={name: value for name, value in raw.items() if name not in _USER_NAMES},
            **known,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiOrganization:
    """An organization. Immutable. ``pk`` and ``id`` are the same, as it was asked for or told."""

    pk: Any
    name: str = ""
    codops: str = ""

    @property
    def id(self) -> Any:
        """The same as `pk`."""
        return self.pk

    @classmethod
    def from_mapping(cls, raw: Mapping[str, Any], pk: Any = None) -> ApiOrganization:
        """The organization in a decoded object."""
        own_pk = raw.get("pk", raw.get("id", pk))
        return cls(pk=own_pk, name=str(raw.get("name") or ""), codops=str(raw.get("codops") or ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiAnswer:
    """A plain answer; true if it is a good one. Immutable.

    Attributes:
        status_code: of HTTP.
        body: its bytes.
        retry_after: seconds after which the host wants to be asked again; None if it did not say.
    """

    status_code: int
    body: bytes = b""
    retry_after: float | None = None

    @property
    def ok(self) -> bool:
        """Below 400, as everything that was not refused."""
        return self.status_code < 400

    def __bool__(self) -> bool:
        return self.ok

    def json(self) -> Any:
        """The decoded body.

        Raises:
            ValueError: it is not JSON.
        """
        return json.loads(self.body)


_USER_TEXTS = ("username", "first_name", "last_name", "email")
_USER_FLAGS = ("ebuio_member", "ebuio_admin", "ebuio_orga_member", "ebuio_orga_admin")
_USER_NAMES = frozenset({"pk", "id", "subscription_labels", "orgas", *_USER_TEXTS, *_USER_FLAGS})


def _tuple(value: object) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (list, tuple)) else ()
