"""What an action answered, as the visitor's answer: data by their template, HTML, file, redirect, status."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from copy import copy
from typing import cast

from .answer_headers import is_for_other_origins, is_page
from .asked import Asked
from .cache.kept import Kept
from .clock import Clock
from .errors import ServiceRefused, WireError
from .framing import Framer
from .http import HTML, Answer
from .interfaces import Cache
from .page import Fragment
from .rendering import Renderer, html_fragment
from .visits import Visit
from .wire.context import digest
from .wire.result import ActionResult, Data, File, Html, Redirect, Status


class Finisher:
    """Makes answers of results of one mount. Thread-safe.

    Args:
        framer: puts fragments into the layout.
        renderer: renders templates.
        cache: keeps fragments beside their data.
        page_stale: seconds that a fragment may be shown after its data's time.
        title: of pages in pages mode.
        clock: the time.
    """

    def __init__(
        self,
        *,
        framer: Framer,
        renderer: Renderer,
        cache: Cache,
        page_stale: float,
        title: str,
        clock: Clock,
    ) -> None:
        self._framer = framer
        self._renderer = renderer
        self._cache = cache
        self._page_stale = page_stale
        self._title = title
        self._clock = clock

    def framed_by(self, framer: Framer) -> Finisher:
        """The same with another framer."""
        other = copy(self)
        other._framer = framer
        return other

    def finish(self, result: ActionResult, asked: Asked, kept: Kept[Data] | None) -> Answer:
        """The visitor's answer.

        Args:
            result: of the action; not `Moved`.
            asked: who asked for what.
            kept: the data as the page cache holds them; None if it does not.

        Raises:
            ServiceRefused: the service's own word, a 4xx or a 500, where the visitor is to see a page.
            ServiceError, TemplateError: the answer cannot be shown.
        """
        if isinstance(result, Data):
            return self._data(result, asked, kept)
        if isinstance(result, Html):
            return self._html(result, asked.visit)
        if isinstance(result, Redirect):
            return self._framer.redirect(result, asked.visit)
        if isinstance(result, File):
            return self.file(result, asked.visit, True)
        return self._status(cast(Status, result), asked)

    def file(self, result: File, visit: Visit, personal: bool) -> Answer:
        """A file; it is closed if no answer comes of it."""
        try:
            return self._framer.stream(result, result.body, visit, personal=personal)
        except BaseException:
            close_body(result.body)
            raise

    def _status(self, result: Status, asked: Asked) -> Answer:
        visit = asked.visit
        if visit.method == "HEAD":
            kind = result.content_type or _bare_type(asked) or HTML[1]
            return self._framer.status(result, visit, personal=asked.is_personal, content_type=kind)
        if result.status < 400 or visit.method == "OPTIONS":
            return self._framer.status(result, visit, personal=asked.is_personal)
        if asked.meta.json_only and "json" in result.content_type.lower():
            return self._framer.bare(result.body, _json_type(visit), result, visit, personal=True)
        raise ServiceRefused(f"answered {result.status}", status=result.status, headers=result.headers)

    def _html(self, result: Html, visit: Visit) -> Answer:
        marker = visit.csrf_marker.encode("ascii")
        has_marker = marker in result.body and (result.framed or is_page(result.content_type))
        token = self._token(result, visit) if result.framed or has_marker else ""
        text = result.body.replace(marker, token.encode("ascii")) if has_marker else result.body
        if not result.framed:
            content_type = result.content_type or HTML[1]
            return self._framer.bare(text, content_type, result, visit, personal=True, token=token)
        fragment = html_fragment(
            result, text, self._title, lambda target: self._framer.rewritten(target, visit)
        )
        return self._framer.page(
            fragment, visit, token=token, status=result.status, headers=result.headers, writes=result.writes
        )

    def _token(self, result: ActionResult, visit: Visit) -> str:
        return "" if is_for_other_origins(result.headers) else self._framer.token(visit)

    def _data(self, result: Data, asked: Asked, kept: Kept[Data] | None) -> Answer:
        visit, meta = asked.visit, asked.meta
        kind = _bare_type(asked)
        if kind is not None:
            content = result.raw if meta.json_only else _xml(result.value)
            return self._framer.bare(content, kind, result, visit, personal=asked.is_personal)
        if not isinstance(result.value, dict):
            raise WireError("a page's data must be an object", field="body", received=result.raw[:80])
        token = self._token(result, visit)
        fragment = self._fragment(result, asked, kept, token)
        if meta.no_template:
            content = f"{fragment.head}{fragment.content}".encode()
            return self._framer.bare(content, HTML[1], result, visit, personal=True, token=token)
        return self._framer.page(
            fragment,
            visit,
            token=token,
            status=result.status,
            headers=result.headers,
            writes=result.writes,
            is_stale=asked.is_stale,
        )

    def _fragment(self, result: Data, asked: Asked, kept: Kept[Data] | None, token: str) -> Fragment:
        """The rendered template; kept beside the data if it is the same for everybody (rule 3)."""
        if kept is None:
            return self._renderer.render(asked, result.value, token)[0]
        # Of these very data: a newer answer under the same key has a fragment of its own.
        key = ("fragment", asked.key, digest(result.raw))
        found: Fragment | None = self._cache.get(key)
        if found is not None:
            return found
        fragment, personal = self._renderer.render(asked, result.value, token)
        if not personal:
            size = 2 * (len(fragment.content) + len(fragment.head) + len(fragment.menu))
            seconds = kept.fresh_until - self._clock.monotonic() + self._page_stale
            self._cache.set(key, fragment, seconds, size)
        return fragment


def close_body(body: bytes | Iterable[bytes]) -> None:
    """Closes a body that nobody will iterate."""
    close = getattr(body, "close", None)
    if close is not None:
        with suppress(Exception):
            close()


def _bare_type(asked: Asked) -> str | None:
    """The content type of an answer without template; None for a page."""
    if asked.meta.json_only:
        return _json_type(asked.visit)
    return "application/xml" if asked.meta.xml_only else None


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
    return text.encode("utf-8", "replace")
