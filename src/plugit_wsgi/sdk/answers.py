"""From what an action returned to what the wire wants (protocol sections 1, 4 and 11)."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import io
import json
import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from werkzeug.http import http_date
from werkzeug.utils import send_file
from werkzeug.wrappers import Response

from ..errors import WireError
from ..wire import names
from .actions import Action, Route
from .decorators import CrossDomain
from .headers import check_name, encode_value
from .request import Request
from .results import PlugItRedirect, PlugItSendFile, PlugItSetSession

ETAG_KEY = "_plugit_etag"


def json_response(data: object, status: int = 200) -> Response:
    """`data` as JSON.

    Raises:
        TypeError, ValueError: it cannot be JSON.
    """
    text = json.dumps(data, default=_plain, allow_nan=False, separators=(",", ":"))
    return Response(text, status=status, content_type="application/json")


def _plain(value: object) -> object:
    """Values beyond JSON, as Flask's `jsonify` writes them."""
    if isinstance(value, datetime.date):
        return http_date(value)
    if isinstance(value, (uuid.UUID, decimal.Decimal)):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if hasattr(value, "__html__"):
        return str(value.__html__())
    raise TypeError(f"{type(value).__name__} is not JSON")


def build_response(result: object, action: Action, request: Request, folder: Path) -> Response:
    """The answer of an action.

    Args:
        result: what its function returned; left as it is.
        action: whose answer it is.
        request: that it answers.
        folder: where relative file names begin.

    Raises:
        WireError: the result cannot be sent; the message says why.
    """
    result, changes = _take_session(result)
    etag = None
    if action.marks.etag:
        result, etag = _take_etag(result)
    response = _body(result, action, request, folder)
    try:
        if etag:
            _set_etag(response, str(etag), request)
        for key, value in changes.items():
            _set_session(response, key, value)
    except WireError:
        response.close()  # it may hold a file
        raise
    if action.marks.cross_domain is not None:
        _allow_cross_domain(response, action.marks.cross_domain, action.marks.methods, request)
    return response


def build_options(route: Route, request: Request) -> Response:
    """The answer to OPTIONS: the action is not called."""
    wanted = route.by_method.get(request.headers.get(names.CORS_METHOD, "").upper())
    action = wanted or next((one for one in route.by_method.values() if one.marks.cross_domain), route.first)
    response = json_response({})
    response.headers["Allow"] = ", ".join(route.methods)
    if action.marks.cross_domain is not None:
        _allow_cross_domain(response, action.marks.cross_domain, action.marks.methods, request)
    return response


def _body(result: object, action: Action, request: Request, folder: Path) -> Response:
    if isinstance(result, PlugItRedirect):
        return _redirect(result)
    if isinstance(result, PlugItSendFile):
        return _file(result, request, folder)
    meta = action.marks.meta
    if not (isinstance(result, Mapping) or meta.json_only or (meta.xml_only and isinstance(result, str))):
        _refuse(f"a dict expected, got {type(result).__name__}", result)
    try:
        return json_response(result)
    except (TypeError, ValueError, RecursionError) as error:
        raise WireError(f"the answer cannot be JSON: {error}", field="body") from error


def _refuse(message: str, result: object) -> NoReturn:
    raise WireError(message, field="body", received=type(result).__name__)


def _redirect(result: PlugItRedirect) -> Response:
    response = Response("", content_type="text/plain; charset=utf-8")
    response.headers[names.REDIRECT] = encode_value(names.REDIRECT, result.url)
    if result.no_prefix:
        response.headers[names.REDIRECT_NO_PREFIX] = "True"
    return response


def _file(result: PlugItSendFile, request: Request, folder: Path) -> Response:
    source: Any = result.filename
    if isinstance(source, io.TextIOBase):
        source = io.BytesIO(source.read().encode("utf-8"))
    is_path = isinstance(source, (str, os.PathLike))
    response = send_file(
        folder / source if is_path else source,
        request.environ,
        mimetype=result.mimetype,
        as_attachment=result.as_attachment,
        download_name=result.attachment_filename or (None if is_path else _name(source)),
        conditional=is_path,
    )
    if not is_path and response.content_length is None:
        response.content_length = _size(source)
    del response.headers["Date"]  # the server's
    response.headers[names.IT_IS_A_FILE] = "True"
    return response


def _name(source: object) -> str | None:
    name = getattr(source, "name", None)
    return os.path.basename(name) if isinstance(name, str) else None


def _size(source: Any) -> int | None:
    """Bytes from here to the end, None if the file cannot tell.

    With a length on the wire the host sees when a file broke off.
    """
    try:
        here = source.tell()
        size = source.seek(0, os.SEEK_END) - here
        source.seek(here)
    except (AttributeError, OSError, TypeError):
        return None
    return int(size)


def _take_session(result: object) -> tuple[object, Mapping[str, Any]]:
    if isinstance(result, PlugItSetSession):
        return result.base, result.things_to_set
    return result, {}


def _take_etag(result: object) -> tuple[object, object]:
    if not isinstance(result, Mapping) or ETAG_KEY not in result:
        return result, None
    return {key: value for key, value in result.items() if key != ETAG_KEY}, result[ETAG_KEY]


def _set_etag(response: Response, etag: str, request: Request) -> None:
    response.headers["ETag"] = encode_value("ETag", etag)
    if request.method in ("GET", "HEAD") and _is_known(etag, request):
        response.status_code = 304


def _is_known(etag: str, request: Request) -> bool:
    known = request.headers.get(names.IF_NONE_MATCH, "")
    return known.strip() == "*" or _bare(encode_value("ETag", etag)) in map(_bare, known.split(","))


def _bare(etag: str) -> str:
    return etag.strip().removeprefix("W/").strip('"')


def _set_session(response: Response, key: str, value: object) -> None:
    prefix = names.DELETE_SESSION if value is None else names.SET_SESSION
    name = check_name(prefix + str(key))
    response.headers[name] = "True" if value is None else encode_value(name, value)


def _allow_cross_domain(
    response: Response, cross_domain: CrossDomain, methods: tuple[str, ...], request: Request
) -> None:
    origin = request.headers.get(names.ORIGIN, "")
    if len(cross_domain.origins) > 1:
        response.headers["Vary"] = "Origin"
    if len(cross_domain.origins) == 1 or origin in cross_domain.origins:
        allowed = origin if len(cross_domain.origins) > 1 else cross_domain.origins[0]
        response.headers["Access-Control-Allow-Origin"] = allowed
    response.headers["Access-Control-Allow-Methods"] = ", ".join(sorted(cross_domain.methods or methods))
    response.headers["Access-Control-Max-Age"] = str(cross_domain.max_age)
    if cross_domain.headers:
        response.headers["Access-Control-Allow-Headers"] = cross_domain.headers
