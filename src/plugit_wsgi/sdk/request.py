"""The request an action gets: Werkzeug's, and what the host vouches for."""

from __future__ import annotations

import hashlib
import re
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Any

from werkzeug.wrappers import Request as WerkzeugRequest
from werkzeug.wsgi import get_input_stream

from ..wire import names
from ..wire.context import SignedContext
from .headers import decode_value

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")
_PIECE = 64 * 1024
_MEMORY = 256 * 1024
_MILLISECONDS = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlugItUser:
    """Who is logged in, as the host signed it. Immutable.

    Attributes:
        id: the host's id of the user.
        fields: the fields the host allows this service to see, by name.
    """

    id: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlugItOrganization:
    """The organization the visitor works for, as the host signed it. Immutable."""

    id: str
    name: str
    codops: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlugItCall:
    """What is known of one call. Immutable.

    Attributes:
        verified: a key was there and the context was checked; otherwise the five below are empty.
        user: None is an anonymous visitor.
        rights: out of ``member admin orga_member orga_admin``.
        organization: None without one.
        subscriptions: labels.
        address: the visitor's address.
        request_id: of the host's log, "" without.
        csrf_marker: what the host replaces by a token in a page of this call (pages mode).
    """

    verified: bool = False
    user: PlugItUser | None = None
    rights: frozenset[str] = frozenset()
    organization: PlugItOrganization | None = None
    subscriptions: tuple[str, ...] = ()
    address: str = ""
    request_id: str = ""
    csrf_marker: str = names.CSRF_MARKER
    _ends: float | None = field(default=None, repr=False)

    @property
    def deadline(self) -> float | None:
        """Seconds until nobody waits for the answer any more, at least 0; None is unknown."""
        return None if self._ends is None else max(0.0, self._ends - time.monotonic())


class Request(WerkzeugRequest):
    """One call of an action. One per request.

    Attributes:
        plugit: what the host vouches for.
        view_args: the values of the route's placeholders.
        endpoint: the name of the action's function, "" before it is known.
    """

    plugit: PlugItCall
    view_args: dict[str, Any]
    endpoint: str

    def __init__(self, environ: WSGIEnvironment) -> None:
        # A copy: the environ of a server is not ours to change, and nothing is left in it.
        own = dict(environ)
        if own.get("CONTENT_LENGTH") and not own.get("HTTP_TRANSFER_ENCODING"):
            # With a known length every read has a size, as PEP 3333 wants; the flag asks for reads without.
            own.pop("wsgi.input_terminated", None)
        super().__init__(own, populate_request=False)
        self.plugit = PlugItCall()
        self.view_args = {}
        self.endpoint = ""
        self._spool: IO[bytes] | None = None
        """The body, off the connection; closed with the request."""

    @property
    def holds_files(self) -> bool:
        """Whether there is something to close."""
        return self._spool is not None or "files" in self.__dict__

    def spool_body(self) -> str:
        """Takes the body off the connection, as it is; returns its SHA-256 as hex.

        What reads the body afterwards reads the copy: in memory up to 256 KiB, else in a file.

        Raises:
            ClientDisconnected: it broke off.
        """
        stream = get_input_stream(self.environ)
        self._spool = tempfile.SpooledTemporaryFile(max_size=_MEMORY)  # noqa: SIM115 (closed by `close`)
        body_hash = hashlib.sha256()
        while piece := stream.read(_PIECE):
            body_hash.update(piece)
            self._spool.write(piece)
        self.environ["CONTENT_LENGTH"] = str(self._spool.tell())
        self._spool.seek(0)
        self.environ["wsgi.input"] = self._spool
        self.environ.pop("HTTP_TRANSFER_ENCODING", None)
        self.environ.pop("wsgi.input_terminated", None)
        return body_hash.hexdigest()

    def close(self) -> None:
        """Closes uploads and the body's spool."""
        super().close()
        if self._spool is not None:
            self._spool.close()


def describe(request: WerkzeugRequest, context: SignedContext | None = None) -> PlugItCall:
    """What is known of a call.

    From its context if there is one; plain headers tell only what gives nobody any right.
    """
    request_id = request.headers.get(names.REQUEST_ID, "")
    if not _REQUEST_ID.fullmatch(request_id):
        request_id = ""
    if context is None:
        left = request.headers.get(names.DEADLINE, "")
        ends = _end(int(left)) if _MILLISECONDS.fullmatch(left) else None
        return PlugItCall(request_id=request_id, _ends=ends)
    return PlugItCall(
        verified=True,
        user=_user(context),
        rights=frozenset(context.rights),
        organization=_organization(context.organization),
        subscriptions=context.subscriptions,
        address=context.address,
        request_id=request_id,
        csrf_marker=names.csrf_marker(context.nonce),
        _ends=_end(context.deadline_ms) if context.deadline_ms > 0 else None,
    )


def _user(context: SignedContext) -> PlugItUser | None:
    if context.subject is None:
        return None
    return PlugItUser(id=context.subject, fields=MappingProxyType(dict(context.fields)))


def _organization(claims: Mapping[str, str] | None) -> PlugItOrganization | None:
    if claims is None:
        return None
    return PlugItOrganization(
        id=str(claims.get("id", "")), name=str(claims.get("name", "")), codops=str(claims.get("codops", ""))
    )


def _end(milliseconds: int) -> float:
    return time.monotonic() + milliseconds / 1000


def get_session_from_request(request: WerkzeugRequest) -> dict[str, str]:
    """The visitor's session of this service.

    Args:
        request: as the action got it; Flask's will do too.

    Returns:
        Values by key; keys are lower case, with ``-`` for ``_``: what servers leave of a header's name.
    """
    prefix = names.SESSION_HEADER.lower()
    return {
        name[len(prefix) :].lower(): decode_value(value)
        for name, value in request.headers.items()
        if name.lower().startswith(prefix)
    }
