"""From a path to a call and its route: Werkzeug's rules below the service's base URL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from werkzeug.routing import Map, RequestRedirect, Rule
from werkzeug.utils import redirect
from werkzeug.wrappers import Response
from werkzeug.wsgi import get_path_info

from ..errors import ConfigError
from ..wire import names
from .actions import Route
from .proof import encode_path

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Where a path leads. Immutable.

    Attributes:
        call: "ping", "version", "mail", "media", "meta", "template" or "action".
        route: for the last three.
        values: of the rule's placeholders.
    """

    call: str
    route: Route | None
    values: Mapping[str, Any]


class SlashMissing(Exception):
    """A rule wants a slash at the end; answered with a redirect."""

    def __init__(self, response: Response) -> None:
        super().__init__("slash missing")
        self.response = response


class Routing:
    """All paths of a service. Thread-safe.

    Args:
        base_url: with a slash at both ends.
        routes: of the actions.

    Raises:
        ConfigError: a route is no Werkzeug rule.
    """

    def __init__(self, base_url: str, routes: Sequence[Route]) -> None:
        # Doubled slashes are no other spelling of a path: hosts refuse them.
        url_map = Map(merge_slashes=False)
        for call in (names.PING, names.VERSION, names.MAIL):
            url_map.add(Rule(f"{base_url}{call}", endpoint=(call, None)))
        url_map.add(Rule(f"{base_url}{names.MEDIA}/<path:path>", endpoint=(names.MEDIA, None)))
        for route in routes:
            for call in (names.META, names.TEMPLATE, names.ACTION):
                _add(url_map, f"{base_url}{call}{route.rule}", (call, route))
        url_map.update()
        # Methods are looked at by the calls: all actions of a path share its meta.
        self._adapter = url_map.bind("localhost")

    def match(self, environ: WSGIEnvironment) -> Match:
        """Where a request's path leads.

        Raises:
            NotFound: nowhere.
            SlashMissing: to a redirect.
        """
        try:
            (call, route), values = self._adapter.match(path_info=get_path_info(environ), method="GET")
        except RequestRedirect as error:
            raise SlashMissing(_slash_redirect(environ)) from error
        return Match(call=call, route=route, values=values)


def _add(url_map: Map, rule: str, endpoint: tuple[str, Route]) -> None:
    try:
        url_map.add(Rule(rule, endpoint=endpoint))
    except (ValueError, LookupError) as error:
        route = endpoint[1]
        expected = f"a route as /show/<int:id> ({error})"
        raise ConfigError(f"action {route.first.name}", route.rule, expected) from error


def _slash_redirect(environ: WSGIEnvironment) -> Response:
    # Without scheme and host: behind a proxy this service knows neither.
    path = encode_path(environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")) + "/"
    query = environ.get("QUERY_STRING", "")
    return redirect(f"{path}?{query}" if query else path, 308)
