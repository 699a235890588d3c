"""The API of the development host: as a host's, without a key."""

from __future__ import annotations

from collections.abc import Callable

from ..clock import SystemClock
from ..config import Limits, Service
from ..hostapi.api import ServiceApi
from ..hostapi.content import describe
from ..hostapi.gate import ApiPlaces
from ..hostapi.mail import Deliver
from ..hostapi.pages import DOCUMENT, TITLE, document_answer, format_document
from ..http import Answer
from ..interfaces import Directory
from ..observers.log import LogLines
from .site import Markup, Request

Frame = Callable[[Request, str, Markup], Answer]
"""A title and content as a page of the host."""


class DevApi:
    """Calls of the service, and what the API says about itself. Thread-safe.

    Args:
        service: who calls.
        directory: the invented people.
        deliver: takes mail.
        threads: of the process.
    """

    def __init__(self, service: Service, *, directory: Directory, deliver: Deliver, threads: int) -> None:
        limits, clock = Limits(), SystemClock()
        self._calls = ServiceApi(
            service,
            directory=directory,
            deliver=deliver,
            limits=limits,
            places=ApiPlaces(threads, limits, clock),
            observe=LogLines(clock),
            clock=clock,
        )
        self._document = document_answer(format_document(is_hosted=False))

    def answer(self, request: Request, path: str, *, root: str, frame: Frame) -> Answer:
        """The answer to a request.

        Args:
            request: of the service, or of whoever reads about the API.
            path: below the API's root.
            root: URL of the API, with trailing slash.
            frame: puts the page into the layout.
        """
        if request.method not in ("GET", "HEAD") or path not in ("", DOCUMENT):
            return self._calls.answer(request, path)
        if path == DOCUMENT:
            return self._document
        return frame(request, TITLE, describe(root=root, document=DOCUMENT, has_key=False))
