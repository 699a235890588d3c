"""Calls from a service back to its host (protocol section 9).

1. One call has one deadline, from the connection to the last byte: a page may be waiting for it.
2. No cookies, no ``.netrc``, no proxies of the environment, no redirects: the key goes to the host alone.
3. A new connection for each call: nothing of one visitor's call is left for the next.
"""

from __future__ import annotations

import http.client
import io
import re
import socket
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from ..errors import ConfigError, ServiceTimeout, ServiceUnreachable, WireError
from ..wire.keys import api_keys, parse_service_keys
from .api_values import ApiAnswer, ApiOrganization, ApiUser

DEADLINE = 5.0
CONNECT_LIMIT = 2.0
MAXIMUM_BYTES = 8 * 1024 * 1024
_PIECE = 64 * 1024
_URL = re.compile(r"https?://[^/?#]+[^?#]*\Z", re.IGNORECASE)


class PlugItAPI:
    """The host's API. Thread-safe.

    Every call takes at most 5 s, in all.

    Args:
        url: where it is, as the host tells it.
        key: the key of this service, or several while they rotate, newest last: what the API is
            called with is derived from the last one. None sends none.

    Raises:
        ConfigError: not an http(s) URL, or not a key.
    """

    def __init__(self, url: str, key: str | Sequence[str] | None = None) -> None:
        if not isinstance(url, str) or not _URL.match(url):
            raise ConfigError("PlugItAPI(url)", url, 'an http(s) URL, as "https://host/s/_api/polls/"')
        self.url = url if url.endswith("/") else url + "/"
        self._headers = {"Accept": "application/json", "Connection": "close"}
        if key is not None:
            self._headers["Authorization"] = f"Bearer {api_keys(parse_service_keys(key))[-1]}"

    def get_user(self, userPk: object) -> ApiUser | None:
        """A user by id; None without."""
        answer = self._get(f"user/{_segment(userPk)}")
        return ApiUser.from_mapping(_object(answer), userPk) if answer else None

    def get_user_techgroups(self, userPk: object) -> list[Any]:
        """The technical groups of a user; empty if the host tells none."""
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

    def get_techgroups(self) -> list[Any]:
        """All technical groups; empty if the host tells none."""
        return _list(self._get("techgroups/"))

    def send_mail(
        self,
        sender: str,
        subject: str,
        recipients: Sequence[str],
        message: str,
        response_id: str | None = None,
        html_message: bool = False,
    ) -> ApiAnswer:
        """Sends a mail. With a `response_id`, replies come back to the service's mail callback with it."""
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
        while True:
            answer = self._get(path, {"from": str(first)} if first else None)
            if not answer:
                return None
            found += _objects(answer, name)
            following = _object(answer).get("next")
            if not isinstance(following, int) or following <= first:
                return found
            first = following

    def _get(self, path: str, query: Mapping[str, str] | None = None) -> ApiAnswer:
        return exchange("GET", self.url + path, self._headers, query=query)

    def _post(self, path: str, form: Mapping[str, Any]) -> ApiAnswer:
        return exchange("POST", self.url + path, self._headers, form=form)


def exchange(
    method: str,
    url: str,
    headers: Mapping[str, str],
    *,
    query: Mapping[str, str] | None = None,
    form: Mapping[str, Any] | None = None,
) -> ApiAnswer:
    """One request and its whole answer, within `DEADLINE` seconds.

    Raises:
        ServiceUnreachable: no connection, or one that broke off.
        ServiceTimeout: the deadline passed.
        WireError: more than 8 MiB.
    """
    ends = time.monotonic() + DEADLINE
    try:
        with requests.Session() as session:
            session.trust_env = False
            session.mount("http://", _Adapter(max_retries=0))
            session.mount("https://", _Adapter(max_retries=0))
            with session.request(
                method,
                url,
                params=query,
                data=form,
                headers=dict(headers),
                timeout=(CONNECT_LIMIT, DEADLINE),
                allow_redirects=False,
                stream=True,
            ) as response:
                return ApiAnswer(status_code=response.status_code, body=_read(response, url))
    except (requests.RequestException, HTTPError, OSError) as error:
        if isinstance(error, (requests.Timeout, TimeoutError)) or time.monotonic() >= ends:
            raise ServiceTimeout(f"the host's API did not answer in time: {url}") from error
        raise ServiceUnreachable(f"the host's API cannot be reached: {url}") from error


def _read(response: requests.Response, url: str) -> bytes:
    body = bytearray()
    for piece in response.iter_content(_PIECE):
        body += piece
        if len(body) > MAXIMUM_BYTES:
            raise WireError(f"the answer of the host's API is too long: {url}", field="body")
    return bytes(body)


class _TimedReader(io.RawIOBase):
    """Reads a connection until a moment on the monotonic clock, however slowly it drips. One per request.

    A timeout of requests, and of a socket, begins anew with every byte.
    """

    def __init__(self, raw: io.RawIOBase, connection: socket.socket, ends: float) -> None:
        self._raw = raw
        self._connection = connection
        self._ends = ends

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """As `io.RawIOBase` has it."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline passed")
        self._connection.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        """Closes the connection's own file too."""
        self._raw.close()
        super().close()


class _TimedResponse(http.client.HTTPResponse):
    """An answer that is read within `DEADLINE` seconds of its connection's making. One per request."""

    def __init__(self, sock: socket.socket, *arguments: Any, ends: float, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        self.fp = io.BufferedReader(_TimedReader(self.fp.detach(), sock, ends))


class _Connection(HTTPConnection):
    response_class: Any  # a factory will do

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.response_class = partial(_TimedResponse, ends=time.monotonic() + DEADLINE)


class _TlsConnection(HTTPSConnection):
    response_class: Any

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.response_class = partial(_TimedResponse, ends=time.monotonic() + DEADLINE)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _Adapter(HTTPAdapter):
    """The adapter of requests, with connections that have a deadline. One per request."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """As `requests.adapters.HTTPAdapter` has it."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}


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
