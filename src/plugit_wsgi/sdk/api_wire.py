"""One request to the host's API and its whole answer: one deadline, and no word of a key in the URL."""

from __future__ import annotations

import http.client
import io
import re
import socket
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from ..errors import ServiceTimeout, ServiceUnreachable, WireError
from .api_values import ApiAnswer

CONNECT_LIMIT = 2.0
MAXIMUM_BYTES = 8 * 1024 * 1024
_PIECE = 64 * 1024
_KEY = re.compile(r"(?<=/_api/key/)[^/?#]+|(?<=/)(?=[^/]*[0-9])[A-Za-z0-9_~-]{16,}(?=/)")
"""A key inside a URL: of ours, or what looks like one, as hosts of version 1 have it."""


def shown(url: str) -> str:
    """A URL for messages: without a key that is in it."""
    return _KEY.sub("***", url)


def exchange(
    method: str,
    url: str,
    headers: Mapping[str, str],
    *,
    query: Mapping[str, str] | None = None,
    form: Mapping[str, Any] | None = None,
    ends: float,
) -> ApiAnswer:
    """One request and its whole answer, until a moment on the monotonic clock.

    Raises:
        ServiceUnreachable: no connection, or one that broke off.
        ServiceTimeout: the deadline passed.
        WireError: more than 8 MiB.
    """
    left = ends - time.monotonic()
    if left <= 0:
        raise ServiceTimeout(f"the host's API did not answer in time: {shown(url)}")
    try:
        with requests.Session() as session:
            session.trust_env = False
            session.mount("http://", _Adapter(ends))
            session.mount("https://", _Adapter(ends))
            with session.request(
                method,
                url,
                params=query,
                data=form,
                headers=dict(headers),
                timeout=(min(CONNECT_LIMIT, left), left),
                allow_redirects=False,
                stream=True,
            ) as response:
                return ApiAnswer(
                    status_code=response.status_code,
                    body=_read(response, url),
                    retry_after=_seconds(response.headers.get("Retry-After", "")),
                )
    except (requests.RequestException, HTTPError, OSError) as error:
        # What these say has the URL, too.
        cause = None if _KEY.search(url) else error
        if isinstance(error, (requests.Timeout, TimeoutError)) or time.monotonic() >= ends:
            raise ServiceTimeout(f"the host's API did not answer in time: {shown(url)}") from cause
        raise ServiceUnreachable(f"the host's API cannot be reached: {shown(url)}") from cause


def _seconds(retry_after: str) -> float | None:
    return float(retry_after) if re.fullmatch(r"[0-9]{1,6}", retry_after) else None


def _read(response: requests.Response, url: str) -> bytes:
    body = bytearray()
    for piece in response.iter_content(_PIECE):
        body += piece
        if len(body) > MAXIMUM_BYTES:
            raise WireError(f"the answer of the host's API is too long: {shown(url)}", field="body")
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
    """An answer that is read until a moment. One per request."""

    def __init__(self, sock: socket.socket, *arguments: Any, ends: float, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        self.fp = io.BufferedReader(_TimedReader(self.fp.detach(), sock, ends))


class _Connection(HTTPConnection):
    response_class: Any  # a factory will do

    def __init__(self, *arguments: Any, ends: float, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.response_class = partial(_TimedResponse, ends=ends)


class _TlsConnection(HTTPSConnection):
    response_class: Any

    def __init__(self, *arguments: Any, ends: float, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.response_class = partial(_TimedResponse, ends=ends)


class _Adapter(HTTPAdapter):
    """The adapter of requests, with connections that have a deadline. One per request."""

    def __init__(self, ends: float) -> None:
        self._ends = ends
        super().__init__(max_retries=0)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """As `requests.adapters.HTTPAdapter` has it."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": self._pool, "https": self._tls_pool}

    def _pool(self, *arguments: Any, **options: Any) -> HTTPConnectionPool:
        pool = HTTPConnectionPool(*arguments, **options)
        pool.ConnectionCls = partial(_Connection, ends=self._ends)  # type: ignore[assignment]
        return pool

    def _tls_pool(self, *arguments: Any, **options: Any) -> HTTPSConnectionPool:
        pool = HTTPSConnectionPool(*arguments, **options)
        pool.ConnectionCls = partial(_TlsConnection, ends=self._ends)  # type: ignore[assignment]
        return pool
