"""What an author writes above a function: the marks of an action (protocol sections 1 and 11).

1. Every mark is a new value put on the function; nothing is shared between two functions.
2. The function itself is handed back: it can be called as before, and the order of marks does not matter.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar

from ..errors import ConfigError
from ..wire.meta import TEMPLATE_LANGUAGES, ActionMeta

ATTRIBUTE = "__plugit_marks__"
_NO_RULES = ActionMeta()
_METHOD = re.compile(r"[A-Z]+")
_Function = TypeVar("_Function", bound=Callable[..., Any])
_Decorator = Callable[[_Function], _Function]


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossDomain:
    """The CORS answer of an action. Immutable.

    Attributes:
        origins: who may read the answer; "*" is everybody.
        methods: None is the methods of the action.
        headers: for ``Access-Control-Allow-Headers``, joined; None sends none.
        max_age: seconds a browser may remember the answer.
    """

    origins: tuple[str, ...]
    methods: tuple[str, ...] | None
    headers: str | None
    max_age: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """Everything the decorators said about one function. Immutable.

    Attributes:
        route: below ``action/``, with a leading slash; None while there is no `action` mark.
        template: name of a file in ``templates/``; "" is none.
        template_language: what it is written in; "" is the service's.
        methods: upper case.
        meta: the rules, without the template's tag.
        etag: `send_etag` was given.
        cross_domain: `crossdomain` was given.
    """

    route: str | None = None
    template: str = ""
    template_language: str = ""
    methods: tuple[str, ...] = ("GET",)
    meta: ActionMeta = _NO_RULES
    etag: bool = False
    cross_domain: CrossDomain | None = None


def get_marks(candidate: object) -> Marks | None:
    """The marks of anything, None without. Never raises."""
    try:
        found = getattr(candidate, ATTRIBUTE, None)
    except Exception:  # a proxy out of its context (Flask's `request`) raises whatever it likes
        return None
    return found if isinstance(found, Marks) else None


def _mark(**changes: Any) -> _Decorator[_Function]:
    def decorate(function: _Function) -> _Function:
        setattr(function, ATTRIBUTE, replace(get_marks(function) or Marks(), **changes))
        return function

    return decorate


def _mark_meta(**changes: Any) -> _Decorator[_Function]:
    def decorate(function: _Function) -> _Function:
        marks = get_marks(function) or Marks()
        setattr(function, ATTRIBUTE, replace(marks, meta=replace(marks.meta, **changes)))
        return function

    return decorate


def action(
    route: str,
    template: str = "",
    methods: Iterable[str] = ("GET",),
    *,
    template_language: str | None = None,
) -> _Decorator[_Function]:
    """Makes a function an action.

    Args:
        route: a Werkzeug (Flask) rule with a leading slash: ``/show/<int:id>``.
        template: name of a file in ``templates/``; "" for an action without one.
        methods: the HTTP methods; HEAD comes with GET.
        template_language: what the template is written in, ``"django"`` or ``"jinja"``; None is what the
            service says for all of them.

    Raises:
        ConfigError: a route without a leading slash, methods that are none, or an unknown language.
    """
    if not isinstance(route, str) or not route.startswith("/"):
        raise ConfigError("action(route)", route, 'a route with a leading slash, as "/show/<int:id>"')
    return _mark(
        route=route,
        template=template,
        template_language=check_language("action(template_language)", template_language or ""),
        methods=_methods("action(methods)", methods),
    )


def check_language(field: str, name: object) -> str:
    """A template language, or "".

    Raises:
        ConfigError: another one.
    """
    if not isinstance(name, str) or name not in ("", *TEMPLATE_LANGUAGES):
        raise ConfigError(field, name, " or ".join(TEMPLATE_LANGUAGES))
    return name


def only_logged_user() -> _Decorator[_Function]:
    """Only for visitors who are logged in."""
    return _mark_meta(only_logged_user=True)


def only_member_user() -> _Decorator[_Function]:
    """Only for members of the service."""
    return _mark_meta(only_member_user=True)


def only_admin_user() -> _Decorator[_Function]:
    """Only for administrators of the service."""
    return _mark_meta(only_admin_user=True)


def only_orga_member_user() -> _Decorator[_Function]:
    """Only for members of the current organization."""
    return _mark_meta(only_orga_member_user=True)


def only_orga_admin_user() -> _Decorator[_Function]:
    """Only for administrators of the current organization."""
    return _mark_meta(only_orga_admin_user=True)


def only_subscription(*labels: str) -> _Decorator[_Function]:
    """Only for visitors with a subscription that has one of these labels.

    Args:
        labels: as the host calls them; one of them is enough.

    Raises:
        ConfigError: no label, one that is no text, or a second such mark on the function.
    """
    names = _names("only_subscription", labels)
    if not names or "" in names:
        raise ConfigError("only_subscription", labels, 'one label or more, as only_subscription("gold")')
    mark: _Decorator[_Function] = _mark_meta(only_subscription=names)

    def decorate(function: _Function) -> _Function:
        marks = get_marks(function)
        if marks is not None and marks.meta.only_subscription:
            raise ConfigError("only_subscription", labels, "one such mark, with all labels that would do")
        return mark(function)

    return decorate


def cache(time: float = 0, byUser: bool | None = None) -> _Decorator[_Function]:
    """Lets the host keep the answer.

    Args:
        time: seconds.
        byUser: True keeps one for each user, False one for all; None: for each user if there are
            access rules.

    Raises:
        ConfigError: not a number of seconds.
    """
    if isinstance(time, bool) or not isinstance(time, (int, float)) or not 0 <= time < 10**9:
        raise ConfigError("cache(time)", time, "seconds, 0 or more")
    return _mark_meta(cache_time=time, cache_by_user=None if byUser is None else bool(byUser))


def address_in_networks(networks: Iterable[str]) -> _Decorator[_Function]:
    """Only for visitors whose address is in one of these networks.

    Args:
        networks: ``["10.0.0.0/8", "fd00::/8"]``.

    Raises:
        ConfigError: not a list of networks.
    """
    names = _names("address_in_networks(networks)", networks)
    try:
        parsed = tuple(ipaddress.ip_network(name, strict=False) for name in names)
    except ValueError as error:
        expected = 'a list of networks, as ["10.0.0.0/8"]'
        raise ConfigError("address_in_networks(networks)", list(names), expected) from error
    return _mark_meta(address_in_networks=parsed)


def send_etag() -> _Decorator[_Function]:
    """Sends ``_plugit_etag`` of the answer as its ETag; 304 when the visitor has it already."""
    return _mark(etag=True)


def user_info(props: Iterable[str]) -> _Decorator[_Function]:
    """Asks the host for fields of the user; they arrive as ``ebuio_u_PROP``.

    Args:
        props: ``["pk", "username"]``.

    Raises:
        ConfigError: not a list of names.
    """
    return _mark_meta(user_info=_names("user_info(props)", props))


def public() -> _Decorator[_Function]:
    """Shown without a current organization too."""
    return _mark_meta(public=True)


def json_only() -> _Decorator[_Function]:
    """The visitor gets the answer itself, as JSON."""
    return _mark_meta(json_only=True)


def xml_only() -> _Decorator[_Function]:
    """The visitor gets the answer's ``xml``, as XML."""
    return _mark_meta(xml_only=True)


def no_template() -> _Decorator[_Function]:
    """The visitor gets the rendered template without the host's layout."""
    return _mark_meta(no_template=True)


def fallback(media: str) -> _Decorator[_Function]:
    """Names a page that stands in for this one while the service is away.

    Hosts that do not know the extension ignore it.

    Args:
        media: path of an HTML fragment in ``media/``, the same for everybody.

    Raises:
        ConfigError: not a path below ``media/``.
    """
    if not media or media.startswith("/") or ".." in media.split("/"):
        raise ConfigError("fallback", media, "a path below media/, such as 'away.html'")
    return _mark_meta(fallback=media)


def crossdomain(
    origin: str | Iterable[str],
    methods: Iterable[str] | None = None,
    headers: str | Iterable[str] | None = None,
    max_age: float | timedelta = 21600,
) -> _Decorator[_Function]:
    """Lets scripts of other sites read the answer (CORS), and answers their pre-flights.

    Args:
        origin: ``"*"``, an origin, or several; of several the visitor's own is answered.
        methods: None is the methods of the action.
        headers: request headers a script may send.
        max_age: seconds, or a timedelta, a browser may remember the answer.

    Raises:
        ConfigError: no origin, or methods that are none.
    """
    origins = (origin,) if isinstance(origin, str) else _names("crossdomain(origin)", origin)
    if not origins:
        raise ConfigError("crossdomain(origin)", origin, '"*", an origin, or a list of origins')
    if headers is not None and not isinstance(headers, str):
        headers = ", ".join(name.upper() for name in _names("crossdomain(headers)", headers))
    seconds = max_age.total_seconds() if isinstance(max_age, timedelta) else max_age
    return _mark(
        cross_domain=CrossDomain(
            origins=origins,
            methods=None if methods is None else _methods("crossdomain(methods)", methods),
            headers=headers,
            max_age=int(seconds),
        )
    )


def _names(field: str, given: Iterable[str]) -> tuple[str, ...]:
    # A bare text is a list of its letters: nobody means that.
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
        raise ConfigError(field, given, "a list of names")
    names = tuple(given)
    if not all(isinstance(name, str) for name in names):
        raise ConfigError(field, given, "a list of names")
    return names


def _methods(field: str, given: Iterable[str]) -> tuple[str, ...]:
    methods = tuple(dict.fromkeys(name.upper() for name in _names(field, given)))
    if not methods or not all(_METHOD.fullmatch(name) for name in methods):
        raise ConfigError(field, given, 'a list of HTTP methods, as ["GET", "POST"]')
    return methods
