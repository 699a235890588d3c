"""What is mounted below the host: services, and our own assets."""

from __future__ import annotations

import logging
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Protocol, cast
from urllib.parse import quote

import webob

from . import csrf, sandbox
from .body import read_body
from .clock import Deadline
from .config import Limits, Service
from .deployments import Choice
from .errors import (
    ActionNotFound,
    MethodNotAllowed,
    PlugItError,
    PreviewRejected,
    ServiceError,
    UpgradeRefused,
)
from .events import PageServed
from .framing import Framer
from .http import (
    ANY_ORIGIN,
    NO_STORE,
    NOSNIFF,
    Answer,
    below,
    canonical_path,
    origin_of,
    parse_pairs,
    script_name_of,
)
from .interfaces import Clock, Layout, Observe
from .layout import STARTED
from .layout.assets import load_asset
from .partials import partial_layout, wants_partial
from .pieces import Piece, PieceFramer
from .pipeline import Pipeline
from .refusals import Refusals
from .tokens import VisitTokens
from .visits import Visit, VisitOpener
from .wire.names import MAIL, MEDIA, PREVIEW, RESERVED

_log = logging.getLogger("plugit_wsgi")
_MEDIA = f"/{MEDIA}/"
_MAIL = re.compile(rf"/{MAIL}(\.[^/]*)?/*\Z", re.IGNORECASE)
"""The call in any spelling that some server reads as it: another case, a slash, a format's ending."""
_WEBSOCKET = re.compile(r"(?:\A|[\s,])websocket(?:\Z|[\s,/])", re.IGNORECASE)
"""In a list of protocols, each maybe with a version (RFC 9110 section 7.8)."""
_PREVIEW = f"/{PREVIEW}"
SET_ORGANIZATION = f"/{RESERVED}setOrga"
FOREVER = ("Cache-Control", "public, max-age=31536000, immutable")


class Mounted(Protocol):
    """Something with URLs of its own below the host. Thread-safe."""

    def answer(self, request: webob.Request, mount: str, rest: str) -> Answer:
        """The answer to a request.

        Args:
            request: of the visitor.
            mount: path it is mounted at.
            rest: of PATH_INFO, "" or with a leading slash.
        """


class MountedPages(ABC):
    """A service at its mount, whose pages may stand on pages of the host as well. Thread-safe."""

    service: Service

    def __repr__(self) -> str:
        return f"service {self.service.name!r}"

    def layout(self, request: webob.Request, whole: Layout) -> Layout:
        """What frames the answer to a request, given the layout of whole pages."""
        return partial_layout if self.service.partial and wants_partial(request.environ) else whole

    @abstractmethod
    def answer(self, request: webob.Request, mount: str, rest: str) -> Answer:
        """See `Mounted.answer`; errors of the library are answers already, others are the host's."""

    @abstractmethod
    def learn_caller(self, request: webob.Request) -> None:
        """Asks the host who sends a request, once: it is known to all requests made of this one then.

        Raises:
            Exception: whatever the host's `identify` raises.
        """

    @abstractmethod
    def visit_of_mark(self, request: webob.Request, mount: str, rest: str) -> Visit:
        """The visit of a mark on a page of the host.

        Args:
            request: made of the visitor's, a GET of what the mark names.
            mount: as that of `Mounted.answer`.
            rest: as that.

        Raises:
            ActionNotFound: no action can be there, or none whose content may stand on a page of the host.
            Exception: whatever the host's `identify`, `directory` or `csrf` raises.
        """

    @abstractmethod
    def shared_token(self, visit: Visit) -> tuple[str, Sequence[str]]:
        """See `VisitTokens.issue_shared`."""

    @abstractmethod
    def piece(self, visit: Visit, within: Deadline) -> Piece:
        """What an action contributes to a page of the host, by the data path of all pages.

        Raises:
            PlugItError: it is refused, or failed, or what it answered is no page; for `tell`.
        """

    @abstractmethod
    def tell(self, error: PlugItError, visit: Visit) -> None:
        """Tells observers of a piece that is not shown."""

    @abstractmethod
    def cookies_of(self, pieces: Sequence[tuple[Visit, Piece]]) -> list[str]:
        """See `PieceFramer.cookies`."""


class MountedService(MountedPages):
    """One deployment of a service at its mount. Thread-safe.

    Args:
        pipeline: its data path.
        opener: makes visits.
        framer: makes answers.
        pieces: makes pieces, for marks on pages of the host.
        tokens: CSRF tokens of the service.
        refusals: answers for errors.
        prefix: path of the middleware's own pages.
        trusted_hops: proxies in front that are believed.
        clock: the time.
        observe: is told of each page.
    """

    def __init__(
        self,
        *,
        pipeline: Pipeline,
        opener: VisitOpener,
        framer: Framer,
        pieces: PieceFramer,
        tokens: VisitTokens,
        refusals: Refusals,
        prefix: str,
        trusted_hops: int,
        clock: Clock,
        observe: Observe,
    ) -> None:
        self.service: Service = pipeline.service
        self.pipeline = pipeline
        self._opener = opener
        self.framer = framer
        self._pieces = pieces
        self.tokens = tokens
        self.refusals = refusals
        self._prefix = prefix
        self._trusted_hops = trusted_hops
        self._clock = clock
        self._observe = observe

    def answer(self, request: webob.Request, mount: str, rest: str) -> Answer:
        """See `MountedPages.answer`."""
        started = request.environ[STARTED] = self._clock.monotonic()
        if not rest:
            return slash(request, mount)
        return self.answer_visit(self.opened(request, mount, rest), rest, started)

    def answer_visit(
        self, visit: Visit, rest: str, started: float, *, within: Deadline | None = None
    ) -> Answer:
        """The answer to a visit.

        Args:
            visit: as `opened` makes it.
            rest: as that of `Mounted.answer`.
            started: when the request came, in seconds of the monotonic clock.
            within: the deadline of the page, if something has been tried already.

        Raises:
            ServiceError: one with which the visitor goes on to the main deployment.
        """
        try:
            if not visit.action:
                raise ActionNotFound("path")
            if self.service.sandbox:
                visit = sandbox.entered(visit)
            answer = self._respond(visit, within)
        except PlugItError as error:
            if isinstance(error, ServiceError):
                error.service, error.action = error.service or self.service.name, error.action or visit.action
            if visit.goes_on(error):
                raise
            answer = self.refusals.answer(error, visit)
        if self.service.sandbox:
            answer = sandbox.confined(answer, visit)
        self._observe(
            PageServed(
                service=self.service.name,
                action=rest,
                request_id=visit.request_id,
                status=answer.status,
                seconds=self._clock.monotonic() - started,
            )
        )
        return answer

    def opened(self, request: webob.Request, mount: str, rest: str) -> Visit:
        """The visit of a request; see `VisitOpener.open`. Its action is "" where none can be."""
        return self._opener.open(
            request,
            self.service,
            origin=origin_of(request.environ, self._trusted_hops),
            script_name=script_name_of(request.environ),
            mount=mount,
            prefix=self._prefix,
            action=_action_of(rest),
        )

    def learn_caller(self, request: webob.Request) -> None:
        """See `MountedPages.learn_caller`."""
        self._opener.caller(request, secure=origin_of(request.environ, self._trusted_hops).secure)

    def visit_of_mark(self, request: webob.Request, mount: str, rest: str) -> Visit:
        """See `MountedPages.visit_of_mark`."""
        action = canonical_path(rest or "/")
        if self.service.sandbox or action.startswith(_MEDIA) or action[1:].lower().startswith(RESERVED):
            raise ActionNotFound("path")
        return self.opened(request, mount, rest or "/")

    def shared_token(self, visit: Visit) -> tuple[str, Sequence[str]]:
        """See `VisitTokens.issue_shared`."""
        return self.tokens.issue_shared(visit)

    @cached_property
    def _in_pieces(self) -> Pipeline:
        return self.pipeline.framed_by(self._pieces)

    def piece(self, visit: Visit, within: Deadline) -> Piece:
        """See `MountedPages.piece`."""
        try:
            return cast(Piece, self._in_pieces.respond(visit, within=within))
        except ServiceError as error:
            error.service, error.action = error.service or self.service.name, error.action or visit.action
            raise

    def tell(self, error: PlugItError, visit: Visit) -> None:
        """See `MountedPages.tell`."""
        self.refusals.tell(error, visit)

    def cookies_of(self, pieces: Sequence[tuple[Visit, Piece]]) -> list[str]:
        """See `PieceFramer.cookies`."""
        return self._pieces.cookies(pieces)

    def reopened(self, visit: Visit, choice: Choice) -> Visit:
        """See `VisitOpener.reopened`; the visit is one of another deployment of the service."""
        return self._opener.reopened(visit, self.service, choice)

    def _respond(self, visit: Visit, within: Deadline | None) -> Answer:
        if _WEBSOCKET.search(visit.environ.get("HTTP_UPGRADE", "")):
            raise UpgradeRefused("upgrade")
        if self.service.sandbox and not self._is_switch(visit):
            sandbox.check_method(visit)
        if visit.action.startswith(_MEDIA):
            return self.pipeline.media(visit, visit.action[len(_MEDIA) - 1 :], within=within)
        if visit.action[1:].lower().startswith(RESERVED):
            return self._reserved(visit)
        if self.service.mode == "pages" and csrf.is_unsafe(visit.method) and _MAIL.match(visit.action):
            raise MethodNotAllowed("method")  # there the service takes mails, and those are the host's alone
        return self.pipeline.respond(visit, within=within)

    def _reserved(self, visit: Visit) -> Answer:
        if visit.action == _PREVIEW:
            raise PreviewRejected("preview_gone")  # where there are variants, this is answered before
        if not self._is_switch(visit):
            raise ActionNotFound("path")
        if visit.method != "POST":
            raise MethodNotAllowed("method")
        return self._set_organization(visit)

    def _is_switch(self, visit: Visit) -> bool:
        return visit.action == SET_ORGANIZATION and self.service.organizations and not visit.in_frame

    def _set_organization(self, visit: Visit) -> Answer:
        """The visitor chose another of their organizations."""
        csrf.check_origin(visit.environ, visit.origin)
        fields = read_form(visit, self.pipeline.client.limits)
        token = csrf.header_token(visit.environ) or fields.get("csrfmiddlewaretoken", "")
        self.tokens.check(token, visit)
        chosen = fields.get("organization", "")
        if chosen not in {item.id for item in visit.visitor.organizations}:
            raise ActionNotFound("organization")
        back = fields.get("next", "")
        target = visit.base_url if below(visit.base_url.rstrip("/"), back) is None else back
        return self.framer.chosen_organization(replace(visit.session, organization=chosen), visit, target)


def _action_of(rest: str) -> str:
    """The action, or "": an error has a page as well, for its visitor."""
    try:
        return canonical_path(rest)
    except ActionNotFound:
        return ""


def read_form(visit: Visit, limits: Limits) -> dict[str, str]:
    """The fields of a form for the host itself; what is over 4 KiB is not read.

    Raises:
        RequestRejected: it cannot be read, or is over a limit.
    """
    body = read_body(visit.environ, (), limits)
    try:
        content = b"" if body.file is None else body.file.read(4096)
    finally:
        body.close()
    return {
        name.decode("utf-8", "replace"): value.decode("utf-8", "replace")
        for name, value in parse_pairs(content)
    }


class MountedAssets:
    """Stylesheets, scripts and fonts of the bundled layout. Thread-safe."""

    def __repr__(self) -> str:
        return "the bundled layout's assets"

    def answer(self, request: webob.Request, mount: str, rest: str) -> Answer:
        """See `Mounted.answer`."""
        asset = load_asset(rest[1:]) if request.method in ("GET", "HEAD") else None
        if asset is None:
            return _text(404, "not found")
        headers = (("Content-Type", asset.content_type), NOSNIFF, FOREVER, ANY_ORIGIN, ("ETag", asset.etag))
        if request.environ.get("HTTP_IF_NONE_MATCH") == asset.etag:
            return Answer(status=304, headers=headers[1:])
        return Answer(status=200, headers=headers, body=asset.body)


def _text(status: int, text: str) -> Answer:
    headers = (("Content-Type", "text/plain; charset=utf-8"), NOSNIFF, NO_STORE)
    return Answer(status=status, headers=headers, body=f"{text}\n".encode())


def slash(request: webob.Request, mount: str) -> Answer:
    """A mount without its slash, so that relative links of its pages work (308 keeps method and body)."""
    base_url = script_name_of(request.environ) + mount + "/"
    query = request.environ.get("QUERY_STRING", "")
    clean = quote(query.encode("latin-1", "replace"), safe="-._~!$&'()*+,=:@/?%;")
    target = base_url + (f"?{clean}" if clean else "")
    return Answer(status=308, headers=(("Location", target), ("Cache-Control", "no-store")))
