"""The names of the wire are the original's, letter by letter: existing services read and write them."""

from __future__ import annotations

import re

import pytest

from plugit_wsgi.wire import names

ORIGINAL = {
    "REDIRECT": "EbuIo-PlugIt-Redirect",
    "REDIRECT_NO_PREFIX": "EbuIo-PlugIt-Redirect-NoPrefix",
    "IT_IS_A_FILE": "EbuIo-PlugIt-ItAFile",
    "NO_TEMPLATE": "EbuIo-PlugIt-NoTemplate",
    "SET_SESSION": "EbuIo-PlugIt-SetSession-",
    "PING": "ping",
    "VERSION": "version",
    "META": "meta",
    "TEMPLATE": "template",
    "ACTION": "action",
    "MEDIA": "media",
    "MAIL": "mail",
    "RESERVED": "ebuio_",
    "USER_HEADER": "X-Plugit-User-",
    "ORGANIZATION_NAME": "X-Plugit-Orga-Name",
    "ORGANIZATION_CODOPS": "X-Plugit-Orga-Codops",
    "SESSION_HEADER": "X-Plugitsession-",
    "REMOTE_ADDRESS": "X-Plugit-Remote-Addr",
    "IF_NONE_MATCH": "X-Plugit-If-None-Match",
    "ORIGIN": "X-Plugit-Origin",
    "CORS_METHOD": "X-Plugit-Access-Control-Request-Method",
    "CORS_HEADERS": "X-Plugit-Access-Control-Request-Headers",
    "BASE_URL": "X-Plugit-Base-Url",
    "ORGANIZATION_PK": "X-Plugit-Orga-Pk",
    "CSRF_COOKIE": "csrftoken",
    "CSRF_HEADER": "X-CSRFToken",
    "CSRF_FIELD": "csrfmiddlewaretoken",
    "CSRF_MARKER": "{~__PLUGIT_CSRF_TOKEN__~}",
    "USER_PARAMETER": "ebuio_u_",
    "ORGANIZATION_PARAMETER": "ebuio_orgapk",
    "PROTOCOL_VERSION": "1",
}


OURS = {
    "EXTENSIONS": ("fallback", "only_subscription", "template_language"),
    "TEMPLATE_LANGUAGE": "template_language",
    "CONTEXT": "X-Plugit-Context",
    "PROTOCOL": "X-Plugit-Protocol",
    "DEADLINE": "X-Plugit-Deadline-Ms",
    "REQUEST_ID": "X-Request-ID",
    "DELETE_SESSION": "EbuIo-PlugIt-DelSession-",
    "CSRF_MARKER_HEADER": "X-Plugit-Csrf-Marker",
}


@pytest.mark.parametrize("name", OURS)
def test_names_of_ours(name: str) -> None:
    """Services read and write them too."""
    assert getattr(names, name) == OURS[name]


def test_every_marker_has_its_nonce() -> None:
    """Without one it is the original's."""
    assert names.csrf_marker("") == "{~__PLUGIT_CSRF_TOKEN__~}"
    assert names.csrf_marker("abc") == "{~__PLUGIT_CSRF_TOKEN__abc__~}"


@pytest.mark.parametrize("name", ORIGINAL)
def test_names_of_version_1(name: str) -> None:
    """Section 3, 4 and 6 of the protocol."""
    assert getattr(names, name) == ORIGINAL[name]


def test_headers_have_no_underscore() -> None:
    """Servers drop names with underscores."""
    texts = [
        value for value in vars(names).values() if isinstance(value, str) and value.startswith(("X-", "Ebu"))
    ]
    assert len(texts) > 15
    assert all(re.fullmatch(r"[A-Za-z0-9-]+", text) for text in texts)


def test_user_fields_of_version_1() -> None:
    """What a mount allows by default; extra fields of a user are not among them."""
    expected = "pk id username first_name last_name email ebuio_member ebuio_admin"
    assert (
        *expected.split(),
        "ebuio_orga_member",
        "ebuio_orga_admin",
        "subscription_labels",
    ) == names.USER_FIELDS
