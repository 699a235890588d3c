"""Every name on the wire, spelled once (protocol sections 1, 3, 4, 6)."""

from __future__ import annotations

from typing import Final

PROTOCOL_VERSION: Final = "1"
TEMPLATE_LANGUAGE: Final = "template_language"
EXTENSIONS: Final[tuple[str, ...]] = ("fallback", "only_subscription", TEMPLATE_LANGUAGE)
"""Our additions to version 1 that this release speaks, as announced to a service."""

# Paths below a service's base URL.
PING: Final = "ping"
VERSION: Final = "version"
META: Final = "meta"
TEMPLATE: Final = "template"
ACTION: Final = "action"
MEDIA: Final = "media"
MAIL: Final = "mail"

# Reserved in the visitor's URLs and forms.
RESERVED: Final = "ebuio_"
FRAME: Final = "ebuio_frame"
"""First part of the paths below a mount at which the frame of a sandbox is."""
PREVIEW: Final = "ebuio_preview"
"""The page below a mount about previews of its variants."""
USER_PARAMETER: Final = "ebuio_u_"
ORGANIZATION_PARAMETER: Final = "ebuio_orgapk"

# Host to service.
CONTEXT: Final = "X-Plugit-Context"
PROTOCOL: Final = "X-Plugit-Protocol"
DEADLINE: Final = "X-Plugit-Deadline-Ms"
REMOTE_ADDRESS: Final = "X-Plugit-Remote-Addr"
IF_NONE_MATCH: Final = "X-Plugit-If-None-Match"
ORIGIN: Final = "X-Plugit-Origin"
CORS_METHOD: Final = "X-Plugit-Access-Control-Request-Method"
CORS_HEADERS: Final = "X-Plugit-Access-Control-Request-Headers"
USER_HEADER: Final = "X-Plugit-User-"
ORGANIZATION_PK: Final = "X-Plugit-Orga-Pk"
ORGANIZATION_NAME: Final = "X-Plugit-Orga-Name"
ORGANIZATION_CODOPS: Final = "X-Plugit-Orga-Codops"
BASE_URL: Final = "X-Plugit-Base-Url"
SESSION_HEADER: Final = "X-Plugitsession-"
REQUEST_ID: Final = "X-Request-ID"
MESSAGE_ID: Final = "X-Plugit-Message-Id"
"""With a reply to a mail: the Message-ID of the reply."""
REPEAT: Final = "X-Plugit-Repeat"
"""With a reply to a mail, ``1``: the service may have it already."""

# Service to host.
REDIRECT: Final = "EbuIo-PlugIt-Redirect"
REDIRECT_NO_PREFIX: Final = "EbuIo-PlugIt-Redirect-NoPrefix"
IT_IS_A_FILE: Final = "EbuIo-PlugIt-ItAFile"
NO_TEMPLATE: Final = "EbuIo-PlugIt-NoTemplate"
SET_SESSION: Final = "EbuIo-PlugIt-SetSession-"
DELETE_SESSION: Final = "EbuIo-PlugIt-DelSession-"

# Host to visitor.
VARIANT: Final = "X-Plugit-Variant"
"""Which deployment of the service made the answer, for those who may see it."""

# Service, host page and visitor.
CSRF_COOKIE: Final = "csrftoken"
CSRF_HEADER: Final = "X-CSRFToken"
CSRF_FIELD: Final = "csrfmiddlewaretoken"
CSRF_MARKER: Final = "{~__PLUGIT_CSRF_TOKEN__~}"
CSRF_MARKER_HEADER: Final = "X-Plugit-Csrf-Marker"
"""To a service in pages mode: the marker that counts in the answer, if each request has another one."""

USER_FIELDS: Final = (
    "pk",
    "id",
    "username",
    "first_name",
    "last_name",
    "email",
    "ebuio_member",
    "ebuio_admin",
    "ebuio_orga_member",
    "ebuio_orga_admin",
    "subscription_labels",
)
"""The fields of a user that version 1 knows; a mount allows all of them by default."""


def csrf_marker(nonce: str) -> str:
    """The marker that the host replaces by a token; "" is that of the original, the same for all."""
    return CSRF_MARKER.replace("__~}", f"__{nonce}__~}}") if nonce else CSRF_MARKER
