"""What a service answered -> a fragment: a template with its data, or the HTML of pages mode."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from markupsafe import Markup

from . import access
from .asked import Asked
from .body_head import split_body
from .client import ServiceClient
from .clock import Clock
from .errors import RequestRejected, ServiceError, ServiceTimeout, TemplateError
from .events import Dropped
from .head_links import head_of_links
from .head_parts import without_doubles
from .http import canonical_path
from .interfaces import CompiledTemplate, Directory, Observe, TemplateFacts
from .page import Fragment
from .people import Visitor
from .setbacks import Setbacks
from .targets import action_target
from .turns import Rendering
from .wire.meta import ActionMeta
from .wire.result import Html, Moved

_log = logging.getLogger("plugit_wsgi.rendering")


class Renderer:
    """Renders the templates of one service. Thread-safe.

    Args:
        client: fetches them.
        directory: for other users that templates name; None knows nobody.
        observe: takes events.
        clock: the time.
    """

    def __init__(
        self,
        client: ServiceClient,
        directory: Directory | None,
        observe: Observe,
        *,
        clock: Clock,
    ) -> None:
        self._client = client
        self._directory = directory
        self._observe = observe
        self._setbacks = Setbacks(clock)

    def render(self, asked: Asked, data: Mapping[str, Any], token: str) -> tuple[Fragment, bool]:
        """The template of an action with its data.

        Returns:
            The fragment, and whether it is for this visitor alone.

        Raises:
            TemplateError: the action has none, or it failed.
            ServiceError: it could not be fetched, or there is no time to render it.
        """
        visit, meta = asked.visit, asked.meta
        # What a page costs may lie in what was asked, and by whom: nobody can spoil it for others.
        key = asked.question

        def check() -> None:
            # Rendering holds a processor that all visitors share: what just cost too much is not tried again.
            costly = self._setbacks.recent(key)
            if costly is not None:
                raise TemplateError(str(costly), template_tag=meta.template_tag) from costly

        check()
        template = self._client.template(visit.action, meta, asked.deadline, visit.request_id)
        with self._client.turns.begin(key, check) as pace:
            try:
                rendered = template.render(data, self._facts(asked, token, pace))
            except TemplateError as error:
                error.template_tag = error.template_tag or meta.template_tag
                if error.is_costly and visit.method == "GET":
                    self._setbacks.note(key, error)
                raise
        fragment = rendered.fragment
        return (
            Fragment(
                title=_whole(fragment.title),
                head=Markup(_whole(without_doubles(str(fragment.head)))),
                menu=Markup(_whole(fragment.menu)),
                content=Markup(_whole(fragment.content)),
            ),
            rendered.personal,
        )

    def _facts(self, asked: Asked, token: str, pace: Rendering) -> TemplateFacts:
        visit, service = asked.visit, self._client.service
        return TemplateFacts(
            visitor=visit.visitor,
            user_fields=service.user_fields,
            base_url=visit.links_url,
            csrf_token=token,
            organization_mode=service.organizations,
            service_name=service.name,
            service_pk=service.name,
            media_url=visit.links_url + "media/",
            static_url=visit.prefix + "/_assets/",
            user_mode=visit.user_mode,
            real_users=not visit.user_mode,
            get_user=lambda user_id: self._other_user(user_id, asked, pace),
            include=lambda action: self._include(action, asked, pace),
            pace=pace,
        )

    def _other_user(self, user_id: str, asked: Asked, pace: Rendering) -> Mapping[str, Any] | None:
        if asked.deadline.remaining() <= 0:
            # A template may ask a hundred thousand times, and what a look-up takes is the host's.
            raise ServiceTimeout("the template looked users up until the deadline passed")
        with pace.paused():
            user = None if self._directory is None else self._directory.user(str(user_id))
        if user is None:
            return None
        visitor = Visitor(user=user)
        return {name: visitor.field(name) for name in self._client.service.user_fields}

    def _include(self, action: str, asked: Asked, pace: Rendering) -> CompiledTemplate | None:
        """The template of another action, for a visitor who may see that action."""
        try:
            with pace.paused():
                return self._included(action.encode("utf-8").decode("latin-1"), asked)
        except RequestRejected as error:
            # What this visitor may not see is no fault, and nothing to fill the log with.
            _log.debug("%s does not include %r: %s", asked.visit.action, action, error)
            return None
        except (ServiceError, TemplateError) as error:
            _log.debug("%s cannot include %r: %s", asked.visit.action, action, error)
            self._observe(
                Dropped(
                    service=self._client.service.name,
                    action=asked.visit.action,
                    request_id=asked.visit.request_id,
                    what="include",
                    count=1,
                )
            )
            return None

    def _included(self, action: str, asked: Asked) -> CompiledTemplate | None:
        visit = asked.visit
        path = canonical_path("/" + action.lstrip("/"))
        meta = self._client.meta(path, asked.deadline, visit.request_id)
        if isinstance(meta, Moved):
            target = action_target(meta.target)
            path = canonical_path("/" if target is None else target[0])
            meta = self._client.meta(path, asked.deadline, visit.request_id)
        if not isinstance(meta, ActionMeta):
            return None
        organization_mode = self._client.service.organizations
        access.check(meta, visit.visitor, visit.origin.address, organization_mode=organization_mode)
        return self._client.template(path, meta, asked.deadline, visit.request_id)


def _whole(text: str) -> str:
    """Text that UTF-8 can carry: of half a character, which JSON can name, a question mark is left."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode("utf-8")
    return text


def html_fragment(result: Html, text: bytes, title: str, rewrite: Callable[[str], str | None]) -> Fragment:
    """The body of an answer in pages mode as a fragment.

    Args:
        result: whose content type and links count.
        text: the body, its marker replaced.
        title: of the page, if its body does not begin with one.
        rewrite: the visitor's URL of a link; None leaves it out.
    """
    links = head_of_links(result.links, lambda target: rewrite(target) or _remote(target))
    own_title, metas, content = split_body(text.decode(_charset(result.content_type), "replace"))
    head = Markup("\n").join(part for part in (metas, links) if part)
    return Fragment(title=own_title or title, head=head, content=Markup(content))


def _charset(content_type: str) -> str:
    charset = content_type.lower().partition("charset=")[2].partition(";")[0].strip(" \"'")
    return charset if charset in ("iso-8859-1", "latin-1", "windows-1252") else "utf-8"


def _remote(target: str) -> str | None:
    return target if target.startswith("https://") else None
