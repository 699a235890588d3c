"""The OpenAPI 3.1 document of the API, made of the table of calls. It holds no data, so it needs no key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from .calls import CALLS, SCHEMAS, Call

_JSON: Final = "application/json"
_FORM: Final = "application/x-www-form-urlencoded"
_ERRORS: Final[Mapping[int, str]] = {
    400: "What came with the call cannot be read.",
    403: "A key of this service is needed.",
    404: "There is no such thing, or not for this service.",
    405: "Another method is needed; `Allow` names it.",
    413: "Too large, or too many recipients.",
    429: "Too many calls in a time; `Retry-After` says when to come again.",
    500: "The host failed; its log has the cause.",
    503: "All places of the API are taken; `Retry-After` says when to come again.",
}
_OF_ALL: Final = (400, 405, 429, 500, 503)
_FROM: Final = {"type": "integer", "minimum": 0, "maximum": 999_999_999, "default": 0}
_KEY: Final = {
    "type": "http",
    "scheme": "bearer",
    "description": "The key for the API, derived from the service's key.",
}
HOSTED: Final = (
    {
        "url": "./{service}",
        "description": "The service's own root.",
        "variables": {"service": {"default": "polls", "description": "The name of the service."}},
    },
    {
        "url": "./key/{key}/{service}",
        "description": "Where the mount allows the key in the URL; then without a header.",
        "variables": {
            "service": {"default": "polls", "description": "The name of the service."},
            "key": {"default": "KEY", "description": "The key for the API."},
        },
    },
)
"""Servers of a host, relative to the document."""
STANDALONE: Final = ({"url": ".", "description": "The development host: no key."},)


def make_document(servers: Sequence[Mapping[str, Any]] = HOSTED) -> dict[str, Any]:
    """The document.

    Args:
        servers: where the API is: `HOSTED` with a key, `STANDALONE` without one.
    """
    has_key = servers is not STANDALONE
    components: dict[str, Any] = {"schemas": dict(SCHEMAS)}
    if has_key:
        components["securitySchemes"] = {"key": _KEY}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "The API that services call",
            "version": "1",
            "description": "Users, organizations, subscriptions and mail of the host, for its services.",
        },
        "servers": list(servers),
        "security": [{"key": []}] if has_key else [],
        "paths": {f"/{call.path}": _path_item(call, has_key) for call in CALLS},
        "components": components,
    }


def _path_item(call: Call, has_key: bool) -> dict[str, Any]:
    return {call.methods[0].lower(): _operation(call, has_key)}


def _operation(call: Call, has_key: bool) -> dict[str, Any]:
    good = {"description": "Good.", "content": {_JSON: {"schema": call.answer, "example": call.example}}}
    statuses = sorted({*_OF_ALL, *call.errors, *((403,) if has_key else ())})
    found: dict[str, Any] = {
        "operationId": call.name,
        "summary": call.summary,
        "parameters": _parameters(call),
        "responses": {"200": good, **{str(status): _error(status) for status in statuses}},
    }
    if call.form:
        content = {_FORM: {"schema": {"$ref": f"#/components/schemas/{call.form}"}}}
        found["requestBody"] = {"required": call.form == "Mail", "content": content}
    return found


def _parameters(call: Call) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if call.segment:
        schema = {"type": "string", "minLength": 1}
        place = {"name": call.segment, "in": "path", "required": True}
        found.append({**place, "description": call.told, "schema": schema})
    if call.is_paged:
        schema = {"type": "integer", "minimum": 0, "maximum": 999_999_999, "default": 0}
        found.append(
            {"name": "from", "in": "query", "description": "Where the page begins.", "schema": schema}
        )
    for name, told in call.query.items():
        found.append({"name": name, "in": "query", "description": told, "schema": {"type": "string"}})
    return found


def _error(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Error"}
    return {"description": _ERRORS[status], "content": {_JSON: {"schema": schema}}}
