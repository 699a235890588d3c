"""The operations page: how each service does, as this process sees it.

1. It reads, and changes nothing; only GET and HEAD.
2. Whoever may not see it gets what the host says to any path of its own: no user learns that it is there.
   Only True opens it; a text or an unfinished coroutine does not. Who is not logged in is sent to the login.
3. It is in no cache.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import replace

import webob

from ..client import ServiceClient
from ..clock import Clock
from ..config import Service
from ..errors import ActionNotFound
from ..framing import login_target
from ..guard import Places
from ..http import HTML, NO_STORE, NOSNIFF, Answer, script_name_of, wants_html
from ..interfaces import Identify, Layout, Operations
from ..layout import LAYOUT_HEADERS, apply_layout
from ..page import Page
from ..people import User
from .content import ServiceState, Use, content_of
from .records import Records
from .variants import Variants, VariantState

_log = logging.getLogger("plugit_wsgi")


class MountedOperations:
    """The page at its path; what `mounted` says of `Mounted`. Thread-safe.

    Args:
        services: path, settings, and the clients of all deployments, the main one first.
        allows: who may see it.
        identify: the host's.
        layout: the host's.
        bundled: ours, when the host's fails.
        prefix: path of the middleware's own pages.
        login_url: the host's; None if it has none.
        records: what is remembered.
        clock: the time.
    """

    def __init__(
        self,
        services: Sequence[tuple[str, Service, Sequence[ServiceClient]]],
        *,
        allows: Operations,
        identify: Identify,
        layout: Layout,
        bundled: Layout,
        prefix: str,
        login_url: str | None,
        records: Records,
        clock: Clock,
    ) -> None:
        self._services = tuple(services)
        self._allows = allows
        self._identify = identify
        self._layout = layout
        self._bundled = bundled
        self._prefix = prefix
        self._login_url = login_url
        self._records = records
        self._clock = clock

    def __repr__(self) -> str:
        return "the operations page"

    def answer(self, request: webob.Request, mount: str, rest: str) -> Answer:
        """The page.

        Raises:
            ActionNotFound: there is none at this path, or not for this visitor.
        """
        # A copy: the host may get the request yet, and then as it came.
        request = webob.Request(dict(request.environ))
        if rest not in ("", "/") or request.method not in ("GET", "HEAD"):
            raise ActionNotFound("path")
        user = self._identify(request)
        if self._allows(user) is not True:
            login = login_target(self._login_url, request)
            if user is not None or login is None or not wants_html(request.environ):
                raise ActionNotFound("path")
            return Answer(status=302, headers=(("Location", login), NO_STORE))
        script_name = script_name_of(request.environ)
        if not rest:
            return Answer(status=308, headers=(("Location", f"{script_name}{mount}/"), NO_STORE))
        return self._page(request, user, script_name)

    def _page(self, request: webob.Request, user: User | None, script_name: str) -> Answer:
        page = Page(
            title="Operations",
            content=content_of(
                [
                    state
                    for path, service, clients in self._services
                    for state in self._states(f"{script_name}{path}/", service, clients)
                ],
                process=os.getpid(),
                since=self._records.since,
                now=self._clock.time(),
            ),
            assets=f"{script_name}{self._prefix}/_assets/",
            user=user,
        )
        try:
            text = apply_layout(self._layout, page, request)
        except Exception:
            _log.exception("the layout failed on the operations page")
            text = apply_layout(self._bundled, page, request)
        headers = (HTML, NOSNIFF, NO_STORE, *request.environ.pop(LAYOUT_HEADERS, ()))
        return Answer(status=200, headers=headers, body=text.encode("utf-8"))

    def _states(self, mount: str, service: Service, clients: Sequence[ServiceClient]) -> list[ServiceState]:
        main, *others = [self._state(mount, client) for client in clients]
        variants = Variants(
            deployments=[
                VariantState(
                    variant=variant,
                    state=state.state,
                    has_open_calls=bool(state.open_calls),
                    record=state.record,
                )
                for variant, state in zip(service.variants, others, strict=True)
            ],
            changes=[noted for noted in self._records.changes() if noted.change.service == service.name],
        )
        return [replace(main, variants=variants), *others]

    def _state(self, mount: str, client: ServiceClient) -> ServiceState:
        exchanges = client.exchanges
        return ServiceState(
            name=client.name,
            url=client.service.url,
            mode=client.service.mode,
            mount=mount,
            state=exchanges.circuits.state,
            open_calls=exchanges.circuits.open_calls(),
            calls=_use(exchanges.places),
            streams=_use(exchanges.streams),
            record=self._records.of(client.name),
        )


def _use(places: Places) -> Use:
    return Use(taken=places.taken, count=places.count)
