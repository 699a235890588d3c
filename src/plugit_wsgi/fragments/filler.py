"""A page of the host and its visitor -> the page with fragments.

1. The host is asked who the visitor is once, in the visitor's own thread, and so is what else it knows; the
   threads that help only talk to services.
2. Every mark takes the data path of its action: rules, caches and limits are those of a visit.
3. Whatever fails, the host's page is not the worse for it: it shows what the mark has for that.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

import webob

from ..clock import Clock, Deadline
from ..errors import ActionNotFound
from ..layout import STARTED, inner_environ
from ..mounted import Mounted, MountedPages
from ..pieces import Piece, distinct
from ..spare import SpareThreads
from ..visits import Visit
from .gather import Busy, Gathering, Job
from .marks import Mark, MarkFinder
from .splice import spliced

MOST = 16
"""Fragments of one page; further marks show what they have for one that fails."""
_log = logging.getLogger("plugit_wsgi")

Match = Callable[[str], "tuple[Mounted, str, str] | None"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A page with its fragments. Immutable.

    Attributes:
        page: its bytes.
        cookies: Set-Cookie values that go out with it.
    """

    page: bytes
    cookies: tuple[str, ...]


class Filler:
    """Fills marks. Thread-safe.

    Args:
        finder: of marks that count.
        match: what is mounted at a path of the host, with mount and rest.
        spare: helps.
        seconds: within which all fragments of a page are there, or left out.
        clock: the time.
    """

    def __init__(
        self, *, finder: MarkFinder, match: Match, spare: SpareThreads, seconds: float, clock: Clock
    ) -> None:
        self._finder = finder
        self._match = match
        self._spare = spare
        self._seconds = seconds
        self._clock = clock
        self._busy = Busy()

    def fill(self, page: bytes, environ: Mapping[str, Any], encoding: str) -> Filled | None:
        """The page with what its marks name; None if it has no mark that counts.

        Args:
            page: of the host.
            environ: of the visitor's request, as it came; not changed.
            encoding: of the page.
        """
        marks = self._finder.find(page)
        if not marks:
            return None
        pieces: Mapping[str, Piece] = {}
        cookies: Sequence[str] = ()
        try:
            jobs, of_host = self._jobs(marks, environ)
            if jobs:
                pieces = Gathering(jobs, self._deadline(environ), self._busy).run(self._spare)
                cookies = _cookies(jobs, pieces, of_host)
        except Exception:
            # identify, directory, csrf or a store of the host: never "anonymous", so there is no fragment.
            _log.exception("the fragments of a page failed on the host's side")
            pieces = {}
        found = {target: piece.fragment for target, piece in pieces.items()}
        return Filled(page=spliced(page, marks, found, encoding), cookies=tuple(cookies))

    def _deadline(self, environ: Mapping[str, Any]) -> Deadline:
        """Of the page; a captured layout has what the page in it left."""
        started = environ.get(STARTED, self._clock.monotonic())
        return Deadline(started + self._seconds, self._clock)

    def _jobs(self, marks: Sequence[Mark], environ: Mapping[str, Any]) -> tuple[list[Job], Sequence[str]]:
        """What is to be fetched, and the cookies of the host's token for it."""
        targets = list(dict.fromkeys(mark.target for mark in marks))
        if len(targets) > MOST:
            _log.warning("a page has %d different fragments, the first %d are shown", len(targets), MOST)
        asking = page_environ(environ)
        jobs: list[Job] = []
        token = ""
        cookies: Sequence[str] = ()
        for target in targets[:MOST]:
            job = self._job(target, asking)
            if job is None:
                continue
            if not jobs:
                token, cookies = job.mounted.shared_token(job.visit)
            jobs.append(replace(job, visit=replace(job.visit, token=token)))
        return jobs, cookies

    def _job(self, target: str, asking: dict[str, Any]) -> Job | None:
        path, _, query = target.partition("?")
        path_info = unquote_to_bytes(path).decode("latin-1")
        try:
            mounted, mount, rest = self._match(path_info) or (None, "", "")
            if not isinstance(mounted, MountedPages):
                raise ActionNotFound("path")
            mounted.learn_caller(webob.Request(asking))
            inner = {**inner_environ(asking, path_info), "QUERY_STRING": query}
            visit = mounted.visit_of_mark(webob.Request(inner), mount, rest)
        except ActionNotFound:
            _log.warning("a mark names %s, where no fragment can be", target)
            return None
        return Job(target=target, mounted=mounted, visit=visit)


def page_environ(environ: Mapping[str, Any]) -> dict[str, Any]:
    """The visitor's request for `identify`: its body has gone to the host."""
    return {
        **{key: value for key, value in environ.items() if not key.startswith("webob.")},
        "CONTENT_LENGTH": "0",
        "wsgi.input": BytesIO(),
    }


def _cookies(jobs: Sequence[Job], pieces: Mapping[str, Piece], of_host: Sequence[str]) -> list[str]:
    """What the browser has to keep for all pieces together."""
    by_service: dict[MountedPages, list[tuple[Visit, Piece]]] = {}
    for job in jobs:
        if job.target in pieces:
            by_service.setdefault(job.mounted, []).append((job.visit, pieces[job.target]))
    lines = [line for mounted, found in by_service.items() for line in mounted.cookies_of(found)]
    has_token = any(piece.token for piece in pieces.values())
    return distinct([*(of_host if has_token else ()), *lines])
