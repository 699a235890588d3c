"""The visitor's body: read once, filtered, spooled and hashed before a service sees a byte.

1. Reserved fields never pass, in any spelling; ours are written first.
2. Everything is bounded while it is read: bytes, fields, parts.
3. Files are spooled to disk, so memory stays flat; each keeps its type and its base name.
4. The boundary we write is random, so that nobody can write a part of ours into a value of theirs.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, BinaryIO, cast
from urllib.parse import unquote_to_bytes

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from .config import Limits
from .disguise import check_disguise
from .errors import BadRequest, BodyTooLarge
from .http import Pair, format_pairs, is_reserved, parse_pairs
from .wire.names import CSRF_FIELD

PIECE = 64 * 1024
IN_MEMORY = 256 * 1024
URLENCODED = "application/x-www-form-urlencoded"
OLD_URLENCODED = "application/x-url-encoded"
MULTIPART = "multipart/form-data"
UNKNOWN = "application/octet-stream"
_MEDIA_TYPE = re.compile(r"([!#$&^_.+\w-]+/[!#$&^_.+\w-]+)[ \t]*(?:;[\x20-\x7e\x80-\xff]*)?", re.ASCII)
_DISGUISED = re.compile(rb"(?:^|[&;])[\x00-\x20\[\]\x7f-\xff]*ebuio[_. \[-]", re.IGNORECASE)
_TOKEN_BYTES = 256


@dataclass(slots=True, kw_only=True)
class Body:
    """A body ready to be sent to a service. One per request; the holder closes it.

    Attributes:
        file: at position 0; None if there is no body.
        length: bytes.
        content_type: for the service; "" if there is no body, or the visitor named none.
        digest: SHA-256 of the bytes, hex.
        csrf_token: the form's; "" without one.
    """

    file: BinaryIO | None = field(default=None, repr=False)
    length: int = 0
    content_type: str = ""
    digest: str = hashlib.sha256(b"").hexdigest()
    csrf_token: str = field(default="", repr=False)

    def close(self) -> None:
        """Removes what was spooled. May be called twice."""
        if self.file is not None:
            self.file.close()


def media_type(environ: Mapping[str, Any]) -> str:
    """The media type of the visitor's body, lower case; "" if there is no body.

    Raises:
        BadRequest: a type that parsers read in different ways: what is no form to us could be one to them.
    """
    if not has_body(environ):
        return ""
    text = environ.get("CONTENT_TYPE", "")
    if not text:
        return UNKNOWN
    found = _MEDIA_TYPE.fullmatch(text)
    kind = found.group(1).lower() if found else ""
    if not found or (kind.startswith("multipart/") and kind != MULTIPART):
        raise BadRequest("content type")
    return URLENCODED if kind == OLD_URLENCODED else kind


def has_body(environ: Mapping[str, Any]) -> bool:
    """There is something to read."""
    coding = environ.get("HTTP_TRANSFER_ENCODING", "").lower()
    if environ.get("wsgi.input_terminated") and "chunked" in coding:
        return True
    return environ.get("CONTENT_LENGTH", "") not in ("", "0")


def is_form(environ: Mapping[str, Any]) -> bool:
    """The body is an HTML form."""
    return media_type(environ) in (URLENCODED, MULTIPART)


def read_body(environ: Mapping[str, Any], ours: Sequence[Pair], limits: Limits) -> Body:
    """Reads the visitor's body.

    Args:
        environ: of the request; its input is read to the end.
        ours: fields to write before the visitor's, if the body is a form.
        limits: what is too much.

    Raises:
        BodyTooLarge: over a limit.
        BadRequest: shorter than said, or not the form it says it is.
    """
    if environ.get("CONTENT_LENGTH") and environ.get("HTTP_TRANSFER_ENCODING"):
        # RFC 9112 section 6.3: somebody in front may see another end of this request than we do.
        raise BadRequest("Content-Length and Transfer-Encoding")
    kind = media_type(environ)
    if not has_body(environ):
        return Body()
    if kind == URLENCODED:
        return _read_urlencoded(environ, ours, limits)
    spool = _Spool()
    try:
        if kind == MULTIPART:
            return _read_multipart(environ, ours, limits, spool)
        for piece in _pieces(environ, limits.upload_size):
            spool.write(piece)
        body = spool.finish(environ.get("CONTENT_TYPE", "") or UNKNOWN)
        _check_form(body, limits)
        check_disguise(spool.file, body.length, kind, body.content_type)
        return body
    except BaseException:
        spool.file.close()
        raise


class _Spool:
    """A temporary file that counts and hashes what is written."""

    def __init__(self) -> None:
        self.file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115
        self._hash = hashlib.sha256()
        self._length = 0

    def write(self, piece: bytes) -> None:
        self.file.write(piece)
        self._hash.update(piece)
        self._length += len(piece)

    def finish(self, content_type: str, csrf_token: str = "") -> Body:
        self.file.seek(0)
        return Body(
            file=cast(BinaryIO, self.file),
            length=self._length,
            content_type=content_type,
            digest=self._hash.hexdigest(),
            csrf_token=csrf_token,
        )


def _check_form(body: Body, limits: Limits) -> None:
    """Refuses a body that is no form by its type, but would give a reserved field to whoever reads it as one.

    Some frameworks do, whatever the type; they read no larger ones than we look at.
    """
    if body.file is None or body.length > limits.form_size:
        return
    content = unquote_to_bytes(body.file.read().replace(b"+", b" ")).replace(b"\0", b"")
    body.file.seek(0)
    if _DISGUISED.search(content):
        raise BadRequest("reserved field")


def _pieces(environ: Mapping[str, Any], limit: int) -> Iterator[bytes]:
    """The raw body in pieces, never more than `limit` bytes."""
    left = _content_length(environ)
    if left is not None and left > limit:
        raise BodyTooLarge(f"the body is {left} bytes, at most {limit} are taken")
    total = 0
    while left is None or left > 0:
        try:
            piece = environ["wsgi.input"].read(PIECE if left is None else min(PIECE, left))
        except (OSError, ValueError) as error:
            # ValueError: how some servers say that the chunks are broken.
            raise BadRequest("the body could not be read") from error
        if not piece:
            break
        total += len(piece)
        if total > limit:
            raise BodyTooLarge(f"the body is over {limit} bytes")
        left = None if left is None else left - len(piece)
        yield piece
    if left:
        raise BadRequest("the body is shorter than its Content-Length")


def _content_length(environ: Mapping[str, Any]) -> int | None:
    text = environ.get("CONTENT_LENGTH", "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise BadRequest("Content-Length is not a number")
    return int(text)


def _read_urlencoded(environ: Mapping[str, Any], ours: Sequence[Pair], limits: Limits) -> Body:
    content = b"".join(_pieces(environ, limits.form_size))
    # Counted before it is taken apart: millions of empty fields would be a hundred times their bytes.
    if content.count(b"&") >= limits.form_parts:
        raise BodyTooLarge(f"the form has over {limits.form_parts} fields")
    pairs = parse_pairs(content)
    spool = _Spool()
    spool.write(format_pairs([*ours, *pairs]).encode("ascii"))
    token = next((value for name, value in pairs if name == CSRF_FIELD.encode("ascii")), b"")
    return spool.finish(URLENCODED, token[:_TOKEN_BYTES].decode("latin-1"))


def _read_multipart(environ: Mapping[str, Any], ours: Sequence[Pair], limits: Limits, spool: _Spool) -> Body:
    boundary = parse_options_header(environ["CONTENT_TYPE"])[1].get("boundary", "")
    if not boundary:
        raise BadRequest("the form names no boundary")
    writer = _PartWriter(spool)
    for name, value in ours:
        writer.write_field(name.decode("utf-8"), value)
    try:
        for event in _events(environ, boundary, limits):
            writer.take(event)
    except RequestEntityTooLarge as error:
        raise BodyTooLarge(f"the form has over {limits.form_parts} fields, or one is too long") from error
    except (ValueError, UnicodeError) as error:
        raise BadRequest("the form is not what it says it is") from error
    writer.end()
    return spool.finish(f"{MULTIPART}; boundary={writer.boundary}", writer.csrf_token.decode("latin-1"))


_PartEvent = Field | File | Data


def _events(environ: Mapping[str, Any], boundary: str, limits: Limits) -> Iterator[_PartEvent]:
    decoder = MultipartDecoder(
        boundary.encode("latin-1"), max_form_memory_size=limits.form_size, max_parts=limits.form_parts
    )
    for piece in _with_end(_pieces(environ, limits.upload_size)):
        decoder.receive_data(piece)
        event = decoder.next_event()
        while not isinstance(event, (NeedData, Epilogue)):
            if isinstance(event, (Field, File, Data)):
                yield event
            event = decoder.next_event()


def _with_end(pieces: Iterator[bytes]) -> Iterator[bytes | None]:
    yield from pieces
    yield None


class _PartWriter:
    """Writes the parts that may pass, and notes the token among them."""

    def __init__(self, spool: _Spool) -> None:
        self._spool = spool
        self.boundary = "plugit-" + secrets.token_hex(16)
        self._passes = False
        self._is_token = False
        self.csrf_token = b""

    def write_field(self, name: str, value: bytes) -> None:
        self._write_head(name, None, None)
        self._spool.write(value)

    def end(self) -> None:
        self._spool.write(f"\r\n--{self.boundary}--\r\n".encode("ascii"))

    def take(self, event: _PartEvent) -> None:
        if isinstance(event, Data):
            self._take_data(event.data)
            return
        if event.name is None:
            raise ValueError("a part without a name")
        self._passes = not is_reserved(event.name.encode("utf-8"))
        self._is_token = isinstance(event, Field) and event.name == CSRF_FIELD
        if self._passes:
            filename = event.filename if isinstance(event, File) else None
            self._write_head(event.name, filename, event.headers.get("Content-Type"))

    def _write_head(self, name: str, filename: str | None, content_type: str | None) -> None:
        head = f'\r\n--{self.boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"'
        if filename is not None:
            base = filename.replace("\\", "/").rpartition("/")[2]
            head += f'; filename="{_quoted(base)}"'
        if content_type:
            head += "\r\nContent-Type: " + re.sub(r"[\r\n]", " ", content_type)
        self._spool.write(head.encode("utf-8") + b"\r\n\r\n")

    def _take_data(self, data: bytes | bytearray) -> None:
        if self._passes:
            self._spool.write(bytes(data))
        if self._is_token:
            self.csrf_token = (self.csrf_token + bytes(data))[:_TOKEN_BYTES]


def _quoted(text: str) -> str:
    # The HTML standard escapes quotes and line ends, so that a name can not end its own line. A backslash
    # too: parsers that read it as an escape would take the rest of the line for further parameters.
    return re.sub(r'[\x00-\x1f\x7f"\\]', lambda found: f"%{ord(found.group()):02X}", text)
