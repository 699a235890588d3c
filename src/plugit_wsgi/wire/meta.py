"""What a service says about an action: strict parsing that fails closed (protocol section 1).

1. A wrong type is refused, never read as "no rule".
2. An unknown key is ignored, except an unknown ``only_*``: refused.
3. ``template_tag`` must be there: ``{}`` is no meta.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ..errors import WireError
from .context import digest

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
ACCESS_RULES = (
    "only_logged_user",
    "only_member_user",
    "only_admin_user",
    "only_orga_member_user",
    "only_orga_admin_user",
)
SUBSCRIPTION = "only_subscription"
"""The one rule that names something: labels, of which a visitor needs one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionMeta:
    """The meta of one action. Immutable.

    Attributes:
        template_tag: changes when the template changes; "" if there is none.
        only_logged_user, only_member_user, only_admin_user, only_orga_member_user,
            only_orga_admin_user: who may see it.
        only_subscription: labels of subscriptions, of which a visitor needs one at least; empty is no rule.
            An extension.
        cache_time: seconds the answer may be kept; 0 is never.
        cache_by_user: kept for each user apart; None is "as the rules suggest".
        user_info: the user fields the action wishes.
        public: needs no organization in organization mode.
        json_only, xml_only, no_template: what the visitor gets.
        address_in_networks: networks that may see it; None is everybody.
        fallback: media path of an HTML fragment that stands in for the page while the service is away; "" is
            none. An extension.
        has_rules: not everybody may: an ``only_*`` is set.
        rules_digest: SHA-256 (hex, 16 digits) of the access rules, to be told to the service.
    """

    template_tag: str = ""
    only_logged_user: bool = False
    only_member_user: bool = False
    only_admin_user: bool = False
    only_orga_member_user: bool = False
    only_orga_admin_user: bool = False
    only_subscription: tuple[str, ...] = ()
    cache_time: float = 0
    cache_by_user: bool | None = None
    user_info: tuple[str, ...] = ()
    public: bool = False
    json_only: bool = False
    xml_only: bool = False
    no_template: bool = False
    address_in_networks: tuple[Network, ...] | None = None
    fallback: str = ""
    has_rules: bool = field(init=False, repr=False, compare=False)
    rules_digest: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        is_ruled = bool(self.only_subscription) or any(getattr(self, name) for name in ACCESS_RULES)
        object.__setattr__(self, "has_rules", is_ruled)
        object.__setattr__(self, "rules_digest", _digest_of_rules(self))

    @classmethod
    def from_json(cls, body: bytes) -> ActionMeta:
        """Parses the body of ``meta/ACTION``.

        Raises:
            WireError: not an object, no ``template_tag``, a wrong type, an unknown ``only_*``.
        """
        try:
            raw = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise WireError("meta is not JSON", field="body", received=body[:80]) from error
        if not isinstance(raw, dict):
            raise WireError("meta is not an object", field="body", received=body[:80])
        return cls.from_mapping(raw)

    @classmethod
    def from_mapping(cls, raw: Mapping[str, Any]) -> ActionMeta:
        """Parses a decoded object.

        Raises:
            WireError: as `from_json`.
        """
        if "template_tag" not in raw:
            raise WireError("meta has no template_tag", field="template_tag", received=sorted(raw)[:8])
        values = {}
        for key, value in raw.items():
            if key in _PARSERS:
                values[key] = _PARSERS[key](key, value)
            elif key.startswith("only_"):
                raise WireError("meta has a rule that is not known", field=key, received=value)
        return cls(**values)

    def to_mapping(self) -> dict[str, Any]:
        """The object for the wire: ``template_tag`` and whatever is not at its default."""
        found: dict[str, Any] = {"template_tag": self.template_tag}
        for item in fields(self):
            value = getattr(self, item.name)
            if item.init and value != item.default:
                found[item.name] = _to_plain(value)
        return found

    def is_subscribed(self, labels: Iterable[str]) -> bool:
        """Whether these labels of a visitor hold one that is needed, or none is."""
        return not self.only_subscription or not frozenset(self.only_subscription).isdisjoint(labels)


def _digest_of_rules(meta: ActionMeta) -> str:
    """An extension takes part only where it is set: other rules have the digest that they always had."""
    rules: dict[str, object] = {name: getattr(meta, name) for name in ACCESS_RULES}
    if meta.only_subscription:
        rules[SUBSCRIPTION] = meta.only_subscription
    networks = None if meta.address_in_networks is None else list(map(str, meta.address_in_networks))
    canonical = json.dumps(
        [rules, networks, meta.public], sort_keys=True, separators=(",", ":"), ensure_ascii=True
    )
    return digest(canonical.encode("ascii"))[:16]


def _to_plain(value: object) -> object:
    return [str(item) for item in value] if isinstance(value, tuple) else value


def _boolean(key: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise WireError("meta: true or false expected", field=key, received=value)


def _maybe_boolean(key: str, value: object) -> bool | None:
    return None if value is None else _boolean(key, value)


def _text(key: str, value: object) -> str:
    if isinstance(value, str):
        return value
    raise WireError("meta: text expected", field=key, received=value)


def _seconds(key: str, value: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 10**9:
        return value
    raise WireError("meta: seconds expected", field=key, received=value)


def _names(key: str, value: object) -> tuple[str, ...]:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise WireError("meta: a list of names expected", field=key, received=value)


def _labels(key: str, value: object) -> tuple[str, ...]:
    if isinstance(value, list) and value and all(isinstance(item, str) and item for item in value):
        return tuple(value)
    raise WireError("meta: a list of one label or more expected", field=key, received=value)


def _networks(key: str, value: object) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(item, strict=False) for item in _names(key, value))
    except ValueError as error:
        raise WireError("meta: a list of networks expected", field=key, received=value) from error


_PARSERS: dict[str, Callable[[str, object], Any]] = {
    "template_tag": _text,
    **dict.fromkeys(ACCESS_RULES, _boolean),
    SUBSCRIPTION: _labels,
    "cache_time": _seconds,
    "cache_by_user": _maybe_boolean,
    "user_info": _names,
    "public": _boolean,
    "json_only": _boolean,
    "xml_only": _boolean,
    "no_template": _boolean,
    "address_in_networks": _networks,
    "fallback": _text,
}
