"""Calls from a service back to its host (protocol section 9).

1. One call has one deadline, from the connection to the last byte: a page may be waiting for it.
2. No cookies, no ``.netrc``, no proxies of the environment, no redirects: the key goes to the host alone.
3. A new connection for each call: nothing of one visitor's call is left for the next.
4. What only asks is tried once more where that helps, within its deadline; what does something never is.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from cachetools import TTLCache

from ..errors import ConfigError, ServiceFailed, ServiceUnreachable, WireError
from ..wire.keys import api_keys, parse_service_keys
from .api_values import ApiAnswer, ApiOrganization, ApiUser
from .api_wire import exchange, shown

DEADLINE = 5.0
"""Seconds of one call, a second try included."""
PAUSE = 0.1
"""Seconds before a second try, when the host could not be reached."""
MOST_PAGES = 100
"""Pages of a list that are followed."""
CACHE_BYTES = 8 * 1024 * 1024
_URL = re.compile(r"https?://[^/?#]+[^?#]*\Z", re.IGNORECASE)
_KEY_IN_URL = re.compile(r"/_api/key/[^/]+/[^/]+/*\Z")


class PlugItAPI:
    """The host's API. Thread-safe.

    Every call takes at most 5 s, in all. A call that only asks is made once more when the connection fails,
    or when the host is busy and says when to come again. What the host does not know, or does not tell this
    service, is None or empty. All methods raise errors of `plugit_wsgi.errors`: `ServiceUnreachable` and
    `ServiceTimeout`, `WireError` for an answer that is none, and `ServiceFailed` where the host failed or was
    too busy to answer a question: that is not a no.

    Args:
        url: where it is, as the host tells it; may have the key inside, as hosts of version 1 tell it.
        key: the key of this service, or several while they rotate, newest last: what the API is
            called with is derived from the last one. None sends none.
        cache_seconds: how old a good answer to a question may be, in this object; 0 always asks the host.
            It keeps 8 MiB at most.

    Attributes:
        url: with a trailing slash.

    Raises:
        ConfigError: not an http(s) URL, not a key or one beside that of the URL, not a number of seconds.
    """

    def __init__(self, url: str, key: str | Sequence[str] | None = None, cache_seconds: float = 0) -> None:
        if not isinstance(url, str) or not _URL.match(url):
            told = shown(url) if isinstance(url, str) else url
            raise ConfigError("PlugItAPI(url)", told, 'an http(s) URL, as "https://host/s/_api/polls/"')
        self.url = url if url.endswith("/") else url + "/"
        self._headers = {"Accept": "application/json", "Connection": "close"}
        if key is not None:
            if _KEY_IN_URL.search(url):
                raise ConfigError("PlugItAPI(key)", "<a key>", "a key in the URL or here, not both")
            self._headers["Authorization"] = f"Bearer {api_keys(parse_service_keys(key))[-1]}"
        self._cache = _make_cache(cache_seconds)
        self._lock = threading.Lock()

    def get_user(self, userPk: object) -> ApiUser | None:
        """A user by id; None without."""
        answer = self._get(f"user/{_segment(userPk)}")
        return ApiUser.from_mapping(_object(answer), userPk) if answer else None

    def get_user_techgroups(self, userPk: object) -> list[str]:
        """The names of the technical groups of a user; empty if the host tells none."""
        return _list(self._get(f"user/{_segment(userPk)}/techgroups/"))

    def get_subscription_labels(self, userPk: object) -> list[str]:
        """The labels a user is subscribed to; empty without."""
        return _list(self._get(f"subscriptions/{_segment(userPk)}"))

    def get_orgas(self) -> list[ApiOrganization] | None:
        """All organizations; None if the host does not tell."""
        found = self._all("orgas/", "data")
        return None if found is None else [ApiOrganization.from_mapping(raw) for raw in found]

    def get_orga(self, orgaPk: object) -> ApiOrganization | None:
        """An organization by id; None without."""
        answer = self._get(f"orga/{_segment(orgaPk)}")
        return ApiOrganization.from_mapping(_object(answer), orgaPk) if answer else None

    def get_project_members(self) -> list[ApiUser] | None:
        """The members of this service; None if the host does not tell."""
        found = self._all("members/", "members")
        return None if found is None else [ApiUser.from_mapping(raw) for raw in found]

    def get_techgroups(self) -> list[Mapping[str, Any]]:
        """All technical groups, ``{"uuid", "uid", "name"}`` each; empty if the host tells none."""
        return _list(self._get("techgroups/"))

    def send_mail(
        self,
        sender: str,
        subject: str,
        recipients: Sequence[str],
        message: str,
        response_id: str | None = None,
        html_message: bool | str = False,
    ) -> ApiAnswer:
        """Sends a mail, and never tries it twice: False if the host did not take it, its status says why.

        With a `response_id`, replies come back to the service's mail callback with it.
        """
        form: dict[str, Any] = {
            "sender": sender,
            "subject": subject,
            "dests": list(recipients),
            "message": message,
            "html_message": html_message,
        }
        if response_id:
            form["response_id"] = response_id
        return self._post("mail/", form)

    def forum_create_topic(self, subject: str, author: str, message: str, tags: str = "") -> ApiAnswer:
        """Begins a topic in the host's forum, if it has one."""
        form = {"subject": subject, "author": author, "message": message, "tags": tags}
        return self._post("ebuio/forum/", form)

    def forum_topic_get_by_tag_for_user(
        self, tag: str | None = None, author: str | None = None
    ) -> list[Any] | None:
        """The topics of a tag; None without a tag, or if the host does not tell."""
        if not tag:
            return None
        answer = self._get(f"ebuio/forum/search/bytag/{_segment(tag)}", {"u": author} if author else None)
        return list(_object(answer).get("data", [])) if answer else None

    def _all(self, path: str, name: str) -> list[Mapping[str, Any]] | None:
        """All pages of a list; None if the host does not tell."""
        found: list[Mapping[str, Any]] = []
        first = 0
        for _ in range(MOST_PAGES):
            answer = self._get(path, {"from": str(first)} if first else None)
            if not answer:
                return None
            found += _objects(answer, name)
            following = _object(answer).get("next")
            if not isinstance(following, int) or following <= first:
                return found
            first = following
        raise WireError(f"the host's API tells of {name} without end", field="next", received=first)

    def _get(self, path: str, query: Mapping[str, str] | None = None) -> ApiAnswer:
        if self._cache is None:
            return self._ask(path, query)
        key = (path, *sorted((query or {}).items()))
        with self._lock:
            kept: ApiAnswer | None = self._cache.get(key)
        if kept is not None:
            return kept
        answer = self._ask(path, query)
        if answer and _size_of(answer) <= CACHE_BYTES:
            with self._lock:
                self._cache[key] = answer
        return answer

    def _ask(self, path: str, query: Mapping[str, str] | None) -> ApiAnswer:
        url, ends = self.url + path, time.monotonic() + DEADLINE
        answer = self._tried(url, query, ends)
        if answer.status_code >= 500 or answer.status_code == 429:
            message = f"the host's API answered {answer.status_code}: {shown(url)}"
            raise ServiceFailed(message, retry_after=answer.retry_after)
        return answer

    def _tried(self, url: str, query: Mapping[str, str] | None, ends: float) -> ApiAnswer:
        """Asks, and once more if it may help and there is time."""
        try:
            answer = exchange("GET", url, self._headers, query=query, ends=ends)
        except ServiceUnreachable:
            if time.monotonic() + PAUSE >= ends:
                raise
            pause = PAUSE
        else:
            after = answer.retry_after if answer.status_code in (502, 503) else None
            if after is None or time.monotonic() + after >= ends:
                return answer
            pause = after
        time.sleep(pause)
        return exchange("GET", url, self._headers, query=query, ends=ends)

    def _post(self, path: str, form: Mapping[str, Any]) -> ApiAnswer:
        return exchange("POST", self.url + path, self._headers, form=form, ends=time.monotonic() + DEADLINE)


def _make_cache(seconds: float) -> TTLCache[tuple[Any, ...], ApiAnswer] | None:
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds <= 86400:
        raise ConfigError("PlugItAPI(cache_seconds)", seconds, "a number of seconds, 0 to 86400")
    if not seconds:
        return None
    return TTLCache(CACHE_BYTES, seconds, timer=lambda: time.monotonic(), getsizeof=_size_of)


def _size_of(answer: ApiAnswer) -> int:
    return len(answer.body) + 1024  # with the key and the object


def _segment(value: object) -> str:
    return quote(str(value), safe="")


def _object(answer: ApiAnswer) -> Mapping[str, Any]:
    try:
        found = answer.json()
    except (ValueError, RecursionError) as error:
        message = "the host's API did not answer JSON"
        raise WireError(message, field="body", received=answer.body[:80]) from error
    if not isinstance(found, dict):
        raise WireError("the host's API did not answer an object", field="body", received=answer.body[:80])
    return found


def _objects(answer: ApiAnswer, key: str) -> list[Mapping[str, Any]]:
    found = _object(answer).get(key)
    if not isinstance(found, list) or not all(isinstance(raw, dict) for raw in found):
        raise WireError(f"the host's API told no list of {key}", field=key, received=answer.body[:80])
    return found


def _list(answer: ApiAnswer) -> list[Any]:
    """What the original gave where a host tells nothing, or something else: an empty list."""
    try:
        found = answer.json() if answer else []
    except ValueError:
        return []
    return found if isinstance(found, list) else []
