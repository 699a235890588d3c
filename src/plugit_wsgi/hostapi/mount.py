"""The API at its URL: who calls is told by a key, in a header or, for services of version 1, in the path."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Mapping, Sequence

import webob

from ..clock import Clock, SystemClock
from ..http import Answer
from ..observers.rate import Rate
from ..wire.keys import KeyRing, api_keys
from .api import ServiceApi, json_answer
from .pages import ApiPages

KEY_SEGMENT = "key"
"""``<prefix>/_api/key/<key>/<service>/``."""
_log = logging.getLogger("plugit_wsgi")


class MountedApi:
    """The API for all services of the host, each with a key of its own. Thread-safe.

    Args:
        apis: service name -> its API and the keys it may call with.
        pages: what the API says about itself; None says nothing.
        clock: the time.
    """

    def __init__(
        self,
        apis: Mapping[str, tuple[ServiceApi, KeyRing]],
        *,
        pages: ApiPages | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._pages = pages
        self._apis = {name: (api, api_keys(keys)) for name, (api, keys) in apis.items()}
        self._refused: Rate[None] = Rate(clock or SystemClock())

    def __repr__(self) -> str:
        return "the API"

    def answer(self, request: webob.Request, mount: str, rest: str) -> Answer:
        """See `Mounted.answer`."""
        page = None if self._pages is None else self._pages.answer(request, mount, rest)
        return self._called(request, rest) if page is None else page

    def _called(self, request: webob.Request, rest: str) -> Answer:
        name, _, path = rest[1:].partition("/")
        scheme, _, key = request.environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        in_url = name == KEY_SEGMENT and not scheme
        if in_url:
            key, _, path = path.partition("/")
            name, _, path = path.partition("/")
        api, keys = self._apis.get(name, (None, ()))
        is_right = _is_one_of(key.strip(), keys) and (in_url or scheme.lower() == "bearer")
        if api is None or not is_right or (in_url and not api.service.api_key_in_url):
            return self._refusal(name)
        return api.answer(request, path)

    def _refusal(self, name: str) -> Answer:
        # What is no service's name may be a key in the wrong place.
        known = name if name in self._apis else "unknown"
        before = self._refused.admit(known, None)
        if before is not None:
            _log.warning("event=api_refused service=%s reason=key held_back=%d", known, before)
        return json_answer({"error": "a key of this service is needed"}, status=403)


def _is_one_of(given: str, keys: Sequence[str]) -> bool:
    """Every key is compared, also for a service that is not there: time tells nothing."""
    told = given.encode("latin-1", "replace")
    matches = [hmac.compare_digest(told, known.encode("ascii")) for known in keys or ("-",)]
    return any(matches)
