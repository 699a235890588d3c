"""The data path of one page, in order.

1. Nothing from a service is shown, not even cached, before access is decided. Rules fail closed.
2. The path the rules looked at is, byte for byte, the path the service is called with.
3. The page cache holds the action's data. The rendered fragment is kept beside it only if rendering read
   nothing of user, organization, rights or token. Layout, token and cookies come after it.
4. Whatever the service was told is in the key of what is kept, or was not told.
5. Only GET, 200, data without session writes are kept. A POST is never answered from a cache, and never
   sent twice.
6. Visitor-sent ``X-Plugit-*`` headers and ``ebuio_*`` parameters are removed before ours are added.
7. Headers go out by allow-list and come back by allow-list.
8. A context is signed per call with the key of that one service, and never kept.
9. Time-outs, refusals and 5xx of one action are that action's; a 4xx is the visitor's.
10. No match: the host gets the very same environ and start_response.
11. ``close()`` of every iterable and of every answer of a service happens exactly once.
12. Whatever the service does, the visitor's thread is free at the page's deadline.
13. Nothing that lives in a process is made before its first request.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from markupsafe import Markup

from . import access, csrf
from .body import Body, read_body
from .client import ServiceClient
from .clock import Clock, Deadline
from .config import Service
from .errors import (
    LoginRequired,
    MethodNotAllowed,
    RequestRejected,
    ServiceError,
    ServiceFailed,
    ServiceRefused,
    TemplateError,
    WireError,
)
from .framing import Framer
from .head_links import head_of_links
from .http import HTML, METHODS, Answer, canonical_path
from .interfaces import Cache, CompiledTemplate, Directory, TemplateFacts
from .outgoing import (
    FILE_REQUEST_HEADERS,
    ReportedFields,
    audience_of,
    build_call,
    copied,
    is_in_form,
    our_fields,
    page_key,
)
from .page import Fragment
from .people import Visitor
from .targets import action_target
from .visits import Visit
from .wire.keys import KeyRing
from .wire.meta import ActionMeta
from .wire.names import CSRF_MARKER
from .wire.result import ActionResult, Data, File, Html, Moved, Redirect, Status

_log = logging.getLogger("plugit_wsgi.pipeline")
PAGES_META = ActionMeta()
"""Pages mode has no meta: no rules, no cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """What the page cache holds of an answer; `until` on the monotonic clock."""

    data: Data
    until: float


class Pipeline:
    """The data path of one mount. Thread-safe.

    Args:
        service: which.
        client: calls it.
        framer: makes answers.
        tokens: CSRF tokens of the service.
        keys: signs contexts.
        cache: keeps pages.
        directory: for other users that templates name; None knows nobody.
        clock: the time.
    """

    def __init__(
        self,
        service: Service,
        *,
        client: ServiceClient,
        framer: Framer,
        tokens: csrf.Tokens,
        keys: KeyRing,
        cache: Cache,
        directory: Directory | None,
        clock: Clock,
    ) -> None:
        self.service = service
        self.client = client
        self.framer = framer
        self._tokens = tokens
        self._keys = keys
        self._cache = cache
        self._directory = directory
        self._clock = clock
        self._reported = ReportedFields()

    def respond(self, visit: Visit, *, moved: bool = False) -> Answer:
        """The answer for an action.

        Raises:
            RequestRejected: the visitor may not, or the request is not one.
            ServiceError, TemplateError: the service did not do its part.
        """
        deadline = self._deadline()
        meta = self._meta(visit, deadline)
        if isinstance(meta, Moved):
            return self._follow(meta, visit, moved)
        self._check_access(visit, meta)
        if csrf.is_unsafe(visit.method):
            csrf.check_origin(visit.environ, visit.origin)
        kept = self._load(visit, meta)
        if kept is not None:
            return self._finish(kept.data, visit, meta, deadline, kept)
        result, deadline = self._call(visit, meta, deadline)
        if isinstance(result, Moved):
            return self._follow(result, visit, moved)
        return self._finish(result, visit, meta, deadline, self._keep(result, visit, meta))

    def media(self, visit: Visit, path: str) -> Answer:
        """The answer for a media file; `path` is canonical, with a leading slash.

        Raises:
            RequestRejected, ServiceError: as `respond`.
        """
        if visit.method not in ("GET", "HEAD"):
            raise MethodNotAllowed("method")
        if self.service.media_login and visit.visitor.user is None:
            raise LoginRequired("only_logged_user")
        headers = copied(visit, FILE_REQUEST_HEADERS)
        result = self.client.media(
            path, visit.query, headers, visit.method, self._deadline(), visit.request_id
        )
        personal = self.service.media_login
        if isinstance(result, File):
            return self.framer.stream(result, result.body, visit, personal=personal)
        return self.framer.status(result, visit, personal=personal)

    def _deadline(self) -> Deadline:
        return Deadline.after(self.client.limits.page, self._clock)

    def _meta(self, visit: Visit, deadline: Deadline) -> ActionMeta | Moved:
        if visit.method not in METHODS:
            raise MethodNotAllowed("method")
        if self.service.mode == "pages":
            return PAGES_META
        return self.client.meta(visit.action, deadline, visit.request_id)

    def _check_access(self, visit: Visit, meta: ActionMeta) -> None:
        # A pre-flight comes without cookies by design; its answer is CORS headers and nothing else.
        if visit.method != "OPTIONS":
            access.check(
                meta,
                visit.visitor,
                visit.origin.address,
                organization_mode=self.service.organizations,
            )

    def _call(self, visit: Visit, meta: ActionMeta, deadline: Deadline) -> tuple[ActionResult, Deadline]:
        """Reads the body, checks its token, calls the action; the time of reading is not the service's."""
        if visit.method == "OPTIONS":
            visit = replace(visit, visitor=Visitor(), session=type(visit.session)())
        ours = our_fields(visit, meta, self._reported)
        started = self._clock.monotonic()
        body = read_body(visit.environ, ours if is_in_form(visit) else (), self.client.limits)
        try:
            deadline = Deadline(deadline.at + self._clock.monotonic() - started, self._clock)
            if csrf.is_unsafe(visit.method):
                token = csrf.header_token(visit.environ) or body.csrf_token
                self._tokens.check(token, visit.visitor_id, visit.user_id)
            return self._send(visit, meta, body, ours, deadline), deadline
        finally:
            body.close()

    def _send(
        self, visit: Visit, meta: ActionMeta, body: Body, ours: list[tuple[bytes, bytes]], deadline: Deadline
    ) -> ActionResult:
        def send(conditional: bool) -> ActionResult:
            call = build_call(
                visit,
                meta,
                body,
                ours,
                keys=self._keys,
                clock=self._clock,
                deadline=deadline,
                conditional=conditional,
            )
            return self.client.action(call, deadline)

        result = send(True)
        if result.status == 304 and visit.method == "GET" and self._is_framed(meta):
            # The visitor's copy is a page in somebody's layout: only fresh data makes one for this visitor.
            return send(False)
        return result

    def _is_framed(self, meta: ActionMeta) -> bool:
        bare = meta.json_only or meta.xml_only or meta.no_template
        return self.service.mode == "pages" or (bool(meta.template_tag) and not bare)

    def _follow(self, moved: Moved, visit: Visit, again: bool) -> Answer:
        """A redirect of the call itself re-enters the data path once, with its own meta and a new context."""
        target = action_target(moved.target)
        if target is None:
            raise ServiceFailed("redirected an action to something that is none")
        action, query = canonical_path(target[0]), target[1]
        if visit.method in ("GET", "HEAD", "OPTIONS"):
            if again:
                raise ServiceFailed("redirects in a loop")
            return self.respond(visit.moved(action, query or visit.query), moved=True)
        status = moved.status if moved.status in (307, 308) else 303
        where = Redirect(status=status, target=action + (f"?{query}" if query else ""), absolute=False)
        return self.framer.redirect(where, visit)

    def _load(self, visit: Visit, meta: ActionMeta) -> _Kept | None:
        key = page_key(visit, meta)
        return None if key is None else self._cache.get(key)

    def _keep(self, result: ActionResult, visit: Visit, meta: ActionMeta) -> _Kept | None:
        key = page_key(visit, meta)
        if key is None or not isinstance(result, Data) or result.status != 200 or result.writes:
            return None
        kept = _Kept(data=result, until=self._clock.monotonic() + meta.cache_time)
        self._cache.set(key, kept, meta.cache_time, 4 * len(result.raw))
        return kept

    def _finish(
        self, result: ActionResult, visit: Visit, meta: ActionMeta, deadline: Deadline, kept: _Kept | None
    ) -> Answer:
        if isinstance(result, Data):
            return self._finish_data(result, visit, meta, deadline, kept)
        if isinstance(result, Html):
            return self._finish_html(result, visit)
        if isinstance(result, Redirect):
            return self.framer.redirect(result, visit)
        if isinstance(result, File):
            return self.framer.stream(result, result.body, visit, personal=True)
        return self._finish_status(cast(Status, result), visit, meta)

    def _finish_status(self, result: Status, visit: Visit, meta: ActionMeta) -> Answer:
        if result.status < 400 or visit.method in ("HEAD", "OPTIONS"):
            return self.framer.status(result, visit, personal=True)
        if meta.json_only and _is_json(result.content_type):
            return self.framer.bare(result.body, _json_type(visit), result, visit, personal=True)
        raise ServiceRefused(f"answered {result.status}", status=result.status, headers=result.headers)

    def _finish_html(self, result: Html, visit: Visit) -> Answer:
        text, token = self._with_token(result, visit)
        if not result.framed:
            content_type = result.content_type or HTML[1]
            return self.framer.bare(text, content_type, result, visit, personal=True, token=token)
        charset = _charset(result.content_type)
        head = head_of_links(
            result.links, lambda target: self.framer.rewritten(target, visit) or _remote(target)
        )
        fragment = Fragment(
            title=self.service.name, head=head, content=Markup(text.decode(charset, "replace"))
        )
        return self.framer.page(
            fragment,
            visit,
            token=token or self.framer.token(visit),
            status=result.status,
            headers=result.headers,
            writes=result.writes,
        )

    def _with_token(self, result: Html, visit: Visit) -> tuple[bytes, str]:
        marker = CSRF_MARKER.encode("ascii")
        if marker not in result.body or _is_shared_with_origins(result):
            return result.body.replace(marker, b""), ""
        token = self.framer.token(visit)
        return result.body.replace(marker, token.encode("ascii")), token

    def _finish_data(
        self, result: Data, visit: Visit, meta: ActionMeta, deadline: Deadline, kept: _Kept | None
    ) -> Answer:
        audience = audience_of(meta, visit.method)
        personal = not audience.cached or audience.by_user or audience.by_rights
        if meta.json_only:
            return self.framer.bare(result.raw, _json_type(visit), result, visit, personal=personal)
        if meta.xml_only:
            return self.framer.bare(_xml(result.value), "application/xml", result, visit, personal=personal)
        if not isinstance(result.value, dict):
            raise WireError("a page's data must be an object", field="body", received=result.raw[:80])
        token = "" if _is_shared_with_origins(result) else self.framer.token(visit)
        fragment = self._fragment(result, visit, meta, deadline, kept, token)
        if meta.no_template:
            content = f"{fragment.head}{fragment.content}".encode()
            return self.framer.bare(content, HTML[1], result, visit, personal=True, token=token)
        return self.framer.page(
            fragment, visit, token=token, status=result.status, headers=result.headers, writes=result.writes
        )

    def _fragment(
        self,
        result: Data,
        visit: Visit,
        meta: ActionMeta,
        deadline: Deadline,
        kept: _Kept | None,
        token: str,
    ) -> Fragment:
        """The rendered template; kept beside the data if it is the same for everybody (rule 3)."""
        key = ("fragment", page_key(visit, meta)) if kept is not None else None
        if key is not None:
            found: Fragment | None = self._cache.get(key)
            if found is not None:
                return found
        template = self.client.template(visit.action, meta, deadline, visit.request_id)
        try:
            rendered = template.render(result.value, self._facts(visit, deadline, token))
        except TemplateError as error:
            error.template_tag = error.template_tag or meta.template_tag
            raise
        if key is not None and kept is not None and not rendered.personal:
            seconds = kept.until - self._clock.monotonic()
            fragment = rendered.fragment
            size = 2 * (len(fragment.content) + len(fragment.head) + len(fragment.menu))
            self._cache.set(key, fragment, seconds, size)
        return rendered.fragment

    def _facts(self, visit: Visit, deadline: Deadline, token: str) -> TemplateFacts:
        return TemplateFacts(
            visitor=visit.visitor,
            user_fields=self.service.user_fields,
            base_url=visit.base_url,
            csrf_token=token,
            organization_mode=self.service.organizations,
            service_name=self.service.name,
            service_pk=self.service.name,
            media_url=visit.base_url + "media/",
            static_url=visit.prefix + "/_assets/",
            user_mode=visit.user_mode,
            real_users=not visit.user_mode,
            get_user=self._other_user,
            include=lambda action: self._include(action, visit, deadline),
        )

    def _other_user(self, user_id: str) -> Mapping[str, Any] | None:
        user = None if self._directory is None else self._directory.user(str(user_id))
        if user is None:
            return None
        visitor = Visitor(user=user)
        return {name: visitor.field(name) for name in self.service.user_fields}

    def _include(self, action: str, visit: Visit, deadline: Deadline) -> CompiledTemplate | None:
        """The template of another action, for a visitor who may see that action."""
        try:
            path = canonical_path("/" + action.encode("utf-8").decode("latin-1").lstrip("/"))
            meta = self.client.meta(path, deadline, visit.request_id)
            if isinstance(meta, Moved):
                return None
            self._check_access(visit, meta)
            return self.client.template(path, meta, deadline, visit.request_id)
        except (RequestRejected, ServiceError, TemplateError) as error:
            _log.warning(
                "service %s: %s cannot include %r: %s", self.service.name, visit.action, action, error
            )
            return None


def _is_shared_with_origins(result: ActionResult) -> bool:
    return any(name.lower() == "access-control-allow-origin" for name, _value in result.headers)


def _is_json(content_type: str) -> bool:
    return "json" in content_type.lower()


def _json_type(visit: Visit) -> str:
    # The original's users want no JSON type unless they ask; text/html would run scripts in strings.
    wants_json = "json" in visit.environ.get("HTTP_ACCEPT", "").lower()
    return "application/json" if wants_json else "text/plain; charset=utf-8"


def _xml(value: object) -> bytes:
    text = value.get("xml") if isinstance(value, dict) else value
    if not isinstance(text, str):
        raise WireError(
            "an XML action answers text, or an object with the key xml", field="xml", received=text
        )
    return text.encode("utf-8")


def _charset(content_type: str) -> str:
    charset = content_type.lower().partition("charset=")[2].partition(";")[0].strip(" \"'")
    return charset if charset in ("iso-8859-1", "latin-1", "windows-1252") else "utf-8"


def _remote(target: str) -> str | None:
    return target if target.startswith("https://") else None
