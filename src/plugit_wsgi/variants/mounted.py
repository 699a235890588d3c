"""A service with variants at its mount: chooses a deployment for each request, and leaves the rest to it.

1. The host says who the visitor is before anything is chosen; a page, its media and its files are chosen by
   the same facts, so they come from one deployment.
2. Where a lot of an anonymous visitor counts, the visitor's id goes into the browser, whatever the answer is.
3. Whoever came by a lot gets the main deployment if the variant was not even asked, within what the page has
   left of its time. What may have arrived is never sent again, and whoever was named sees the error.
4. No copy of an answer of one deployment counts for another; see `freshness`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, cast

import webob

from ..answer_cookies import with_cookies
from ..body import has_body
from ..client import ServiceClient
from ..clock import Clock, Deadline
from ..config import Service
from ..csrf import is_unsafe
from ..deployments import MAIN, Choice
from ..errors import PlugItError, ServiceError
from ..events import VariantSkipped
from ..http import Answer
from ..interfaces import Directory, Observe
from ..layout import STARTED
from ..mounted import SET_ORGANIZATION, MountedPages, MountedService, slash
from ..observers.redaction import redacted
from ..pieces import Piece
from ..session import VisitorIds
from ..visits import Visit
from ..wire.keys import KeyRing
from ..wire.names import PREVIEW
from .choice import choose, draws_lots
from .freshness import of_deployment, own_copies
from .preview import Previews
from .preview_pages import PreviewPages
from .replay import ReplayedInput
from .told import VariantHeader

_PREVIEW: Final = f"/{PREVIEW}"
_log = logging.getLogger("plugit_wsgi")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """One deployment of a service, ready to answer. Immutable.

    Attributes:
        name: of the variant; "" is the main deployment.
        own_sessions: what it stores for a visitor is its own.
        service: its settings: those of the service, with this deployment's URL and without variants.
        client: its calls.
        mounted: its pages.
        keys: its own.
    """

    name: str
    own_sessions: bool
    service: Service
    client: ServiceClient
    mounted: MountedService
    keys: KeyRing


class MountedVariants(MountedPages):
    """A service with variants at its mount. Thread-safe.

    Args:
        service: with its variants.
        main: its main deployment.
        variants: by name, those of all its variants.
        directory: the host's; None leaves groups to the `User`.
        visitor_ids: of the host.
        clock: the time.
        observe: is told of what is passed over.
        previews: who is in one; None knows nobody.
        preview_page: None is no such page.
        header: tells those who may know which deployment made an answer; None tells nobody.
    """

    def __init__(
        self,
        service: Service,
        *,
        main: Deployed,
        variants: Mapping[str, Deployed],
        directory: Directory | None,
        visitor_ids: VisitorIds,
        clock: Clock,
        observe: Observe,
        previews: Previews | None = None,
        preview_page: PreviewPages | None = None,
        header: VariantHeader | None = None,
    ) -> None:
        self.service = service
        self._main = main
        self._variants = variants
        self._directory = directory
        self._visitor_ids = visitor_ids
        self._clock = clock
        self._observe = observe
        self._previews = previews
        self._preview_page = preview_page
        self._header = header or VariantHeader(None)
        self._draws_lots = draws_lots(service)
        self._asks_groups = any(variant.groups for variant in service.variants)

    def answer(self, request: webob.Request, mount: str, rest: str) -> Answer:
        """See `MountedPages.answer`."""
        started = request.environ[STARTED] = self._clock.monotonic()
        if not rest:
            return slash(request, mount)
        visit = self._opened(request, mount, rest)
        if rest == _PREVIEW and self._preview_page is not None:
            return self._preview_page.answer(visit)
        if rest == SET_ORGANIZATION:  # the host's own, for all deployments
            return self._main.mounted.answer_visit(visit, rest, started)
        choice = self._choice(visit)
        answer, variant = self._answer(visit, choice, rest, started)
        answer = self._header.told(answer, choice if variant == choice.name else MAIN, visit.visitor.user)
        return with_cookies(of_deployment(answer, variant), self._id_cookie(visit, answer))

    def _opened(self, request: webob.Request, mount: str, rest: str) -> Visit:
        visit = self._main.mounted.opened(request, mount, rest)
        if self._previews is None:
            return visit
        ended = self._previews.ended(request, self.service, path=visit.base_url, secure=visit.origin.secure)
        return replace(visit, ended=(*visit.ended, *ended)) if ended else visit

    def _answer(self, visit: Visit, choice: Choice, rest: str, started: float) -> tuple[Answer, str]:
        """The answer, and the name of the variant that it is of."""
        body = self._replayed(visit) if choice.by == "percent" else None
        chosen = self._at(visit, choice)
        try:
            return self._of(chosen).answer_visit(chosen, rest, started), choice.name
        except ServiceError as error:
            if not chosen.goes_on(error):
                raise
            self._tell_skipped(chosen, choice.name, type(error).__name__, str(error), error.action)
            spent = 0.0
            if body is not None:
                body.rewind()
                spent = body.seconds
            within = Deadline(started + self._main.client.limits.page + spent, self._clock)
            return self._main.mounted.answer_visit(visit, rest, started, within=within), ""
        finally:
            if body is not None:
                body.close()

    def _replayed(self, visit: Visit) -> ReplayedInput | None:
        environ = cast("dict[str, Any]", visit.environ)
        if not is_unsafe(visit.method) or not has_body(environ):
            return None
        found = environ["wsgi.input"] = ReplayedInput(environ["wsgi.input"], self._clock)
        return found

    def _choice(self, visit: Visit) -> Choice:
        user, previews = visit.visitor.user, self._previews
        previewed, secure = None, visit.origin.secure
        if previews is not None:
            previewed = previews.load(visit.request, self.service, secure=secure)
        groups: Sequence[str] = ()
        if self._asks_groups and user is not None:
            groups = user.groups if self._directory is None else self._directory.groups(user.id)
        found = choose(
            self.service,
            visit.visitor,
            visit.visitor_id,
            previewed,
            groups=groups,
            organizations=[membership.organization.id for membership in visit.memberships],
        )
        if found.error is not None:
            cause = f"{type(found.error).__name__}: {found.error}"
            self._tell_skipped(visit, found.failed, "when", cause, visit.action)
        return found

    def _at(self, visit: Visit, choice: Choice) -> Visit:
        """The visit at the deployment that was chosen."""
        deployed = self._variants.get(choice.name)
        if deployed is None:
            return replace(visit, variant=choice if choice.variant is None else MAIN)
        environ = own_copies(visit.environ, choice.name)
        if environ is not None:
            visit = replace(visit, request=webob.Request(environ))
        if deployed.own_sessions:
            return deployed.mounted.reopened(visit, choice)
        return replace(visit, service=deployed.service, variant=choice)

    def _of(self, visit: Visit) -> MountedService:
        return self._variants.get(visit.variant.name, self._main).mounted

    def _id_cookie(self, visit: Visit, answer: Answer) -> list[str]:
        """The id that a lot was drawn for, unless the browser has it, or gets it anyway."""
        if not self._draws_lots or not visit.is_new or visit.user_id is not None:
            return []
        line = self._visitor_ids.format_cookie(visit.visitor_id, secure=visit.origin.secure)
        start = line.partition("=")[0] + "="
        is_there = any(name == "Set-Cookie" and value.startswith(start) for name, value in answer.headers)
        return [] if is_there else [line]

    def _tell_skipped(self, visit: Visit, variant: str, reason: str, cause: str, action: str) -> None:
        self._observe(
            VariantSkipped(
                service=self.service.name,
                action=action or visit.action,
                request_id=visit.request_id,
                variant=variant,
                reason=reason,
                cause=redacted(cause),
            )
        )

    # Parts of pages of the host ------------------------------------------------------------

    def learn_caller(self, request: webob.Request) -> None:
        """See `MountedPages.learn_caller`."""
        self._main.mounted.learn_caller(request)

    def visit_of_mark(self, request: webob.Request, mount: str, rest: str) -> Visit:
        """See `MountedPages.visit_of_mark`."""
        visit = self._main.mounted.visit_of_mark(request, mount, rest)
        return self._at(visit, self._choice(visit))

    def shared_token(self, visit: Visit) -> tuple[str, Sequence[str]]:
        """See `MountedPages.shared_token`."""
        return self._main.mounted.shared_token(visit)

    def piece(self, visit: Visit, within: Deadline) -> Piece:
        """See `MountedPages.piece`."""
        try:
            return replace(self._of(visit).piece(visit, within), variant=visit.variant.name)
        except ServiceError as error:
            if not visit.goes_on(error):
                raise
            self._tell_skipped(visit, visit.variant.name, type(error).__name__, str(error), visit.action)
        return self._main.mounted.piece(self._as_main(visit), within)

    def tell(self, error: PlugItError, visit: Visit) -> None:
        """See `MountedPages.tell`."""
        self._of(visit).tell(error, visit)

    def cookies_of(self, pieces: Sequence[tuple[Visit, Piece]]) -> list[str]:
        """See `MountedPages.cookies_of`; of deployments that store apart, apart."""
        by_store: dict[MountedService, list[tuple[Visit, Piece]]] = {}
        for visit, piece in pieces:
            deployed = self._variants.get(piece.variant, self._main)
            store = deployed if deployed.own_sessions else self._main
            visit = visit if piece.variant or not visit.variant.name else self._as_main(visit)
            by_store.setdefault(store.mounted, []).append((visit, piece))
        lines = [line for mounted, found in by_store.items() for line in mounted.cookies_of(found)]
        visit = pieces[-1][0]
        answer = Answer(status=200, headers=tuple([("Set-Cookie", line) for line in lines]))
        return [*lines, *self._id_cookie(visit, answer)]

    def _as_main(self, visit: Visit) -> Visit:
        """The visit of a variant at the main deployment."""
        deployed = self._variants[visit.variant.name]
        if deployed.own_sessions:
            return self._main.mounted.reopened(visit, MAIN)
        return replace(visit, service=self._main.service, variant=MAIN)


__all__ = ["Deployed", "MountedVariants"]
