"""Settings: checked once, at construction; wrong ones die with field, value and what was expected."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from plugit_wsgi.config import (
    Limits,
    Service,
    checked_path,
    checked_table,
    limits_from_table,
    read_toml,
    service_from_table,
)
from plugit_wsgi.errors import ConfigError
from plugit_wsgi.wire.names import USER_FIELDS

URL = "http://127.0.0.1:5000"


def error_of(make: Any, *args: Any, **named: Any) -> ConfigError:
    """The error that says what is wrong; its text has all three parts."""
    with pytest.raises(ConfigError) as caught:
        make(*args, **named)
    error = caught.value
    assert isinstance(error, ValueError)
    assert str(error) == f"{error.field}: got {error.value!r}, expected {error.expected}"
    return error


# Limits --------------------------------------------------------------------------------


def test_limits_have_the_promised_defaults() -> None:
    """The first section of the promises."""
    limits = Limits()
    seconds = (limits.page, limits.connect, limits.call, limits.stall, limits.busy_wait)
    assert seconds == (5.0, 0.5, 2.0, 5.0, 0.05)
    sizes = (limits.meta_size, limits.template_size, limits.action_size, limits.page_size)
    assert sizes == (64 * 1024, 256 * 1024, 512 * 1024, 2 * 1024 * 1024)
    assert (limits.header_count, limits.header_size, limits.interim_answers) == (64, 32 * 1024, 8)
    assert (limits.session_keys, limits.session_key_size) == (32, 64)
    assert (limits.session_value_size, limits.session_size) == (1024, 3072)
    assert (limits.meta_lifetime, limits.meta_stale, limits.retry_after) == (300.0, 600.0, 60.0)
    assert (limits.service_places, limits.total_places, limits.service_streams) == (None, None, None)


NAMES = [item.name for item in dataclasses.fields(Limits)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [-1, -0.5, "5", True, float("nan"), [], b"1"])
def test_no_limit_below_zero_or_of_a_wrong_type(name: str, value: object) -> None:
    """By its name."""
    error = error_of(Limits, **{name: value})
    assert error.field == f"Limits.{name}"
    assert "0 or more" in error.expected


@pytest.mark.parametrize("name", ["meta_size", "header_count", "session_keys", "form_parts", "minimum_rate"])
def test_counts_are_whole(name: str) -> None:
    """Half a byte is nonsense."""
    assert "whole number" in error_of(Limits, **{name: 1.5}).expected


@pytest.mark.parametrize("name", ["service_places", "total_places", "service_streams"])
def test_places_are_one_or_more(name: str) -> None:
    """None is the default; nothing is no number of places."""
    assert "1 or more" in error_of(Limits, **{name: 0}).expected
    assert getattr(Limits(**{name: 1}), name) == 1
    assert getattr(Limits(**{name: None}), name) is None


@pytest.mark.parametrize(("name", "value"), [("page", 2), ("page", 0.5), ("meta_size", 0), ("busy_wait", 0)])
def test_limits_that_are_fine(name: str, value: float) -> None:
    """Whole seconds are seconds."""
    assert getattr(Limits(**{name: value}), name) == value  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["page", "connect", "call", "stall"])
def test_a_time_to_ask_in_is_no_zero(name: str) -> None:
    """Every page would be an error."""
    assert "above 0" in error_of(Limits, **{name: 0}).expected


# Services ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["polls", "p", "0", "a-b", "a--", "9lives"])
def test_names_that_are_fine(name: str) -> None:
    """[a-z0-9][a-z0-9-]*."""
    assert Service(name, URL).name == name


@pytest.mark.parametrize(
    "name", ["", "Polls", "-a", "a_b", "a b", "a/b", "a.b", "é", "polls\n", "a@b", None, 1]
)
def test_names_that_are_not(name: Any) -> None:
    """They are a part of URLs, cookies, keys."""
    error = error_of(Service, name, URL)
    assert (error.field, error.value) == ("Service.name", name)
    assert "[a-z0-9][a-z0-9-]*" in error.expected


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        (URL, URL),
        (URL + "/", URL),
        (URL + "/base/", URL + "/base"),
        ("http://localhost:5000", "http://localhost:5000"),
        ("http://polls.localhost", "http://polls.localhost"),
        ("http://127.1.2.3", "http://127.1.2.3"),
        ("http://[::1]:5000", "http://[::1]:5000"),
        ("https://example.org", "https://example.org"),
        ("https://example.org:8443/a/b", "https://example.org:8443/a/b"),
        ("https://10.0.0.1", "https://10.0.0.1"),
    ],
)
def test_urls_that_are_fine(url: str, kept: str) -> None:
    """A trailing slash is dropped."""
    assert Service("x", url).url == kept


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org",
        "//example.org",
        "/path",
        "ftp://example.org",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://",
        "https:///x",
        "https://:80",
        "https://example.org:99999",
        "https://example.org:0",
        "https://example.org:x",
        "https://user@example.org",
        "https://example.org?x=y",
        "https://example.org/#x",
        "https://example.org/a/../b",
        "https://example.org/./b",
        "https://example.org/..",
        "https://example.org/a b",
        "https://example.org\\a",
        "https://exam\nple.org",
        "https://exämple.org",
        "https://[::1",
        "https://example..org",
        "https://.org",
        "https://" + 64 * "a" + ".org",
        None,
        5000,
        b"https://example.org",
    ],
)
def test_urls_that_are_not(url: Any) -> None:
    """Not http(s), or with something that the protocol has no place for."""
    error = error_of(Service, "x", url)
    assert error.field == "Service('x').url"
    assert "http" in error.expected


@pytest.mark.parametrize(
    "url",
    ["http://example.org", "http://10.0.0.1:5000", "http://192.168.0.2", "http://[2001:db8::1]", "http://0.0.0.0",
     "http://127.0.0.1.example.org", "http://localhost.example.org", "http://notlocalhost", "http://128.0.0.1"],
)  # fmt: skip
def test_https_off_the_loopback(url: str) -> None:
    """Unless the mount allows http."""
    error = error_of(Service, "x", url)
    assert (error.field, error.value) == ("Service('x').url", url)
    assert "https" in error.expected
    assert "allow_http" in error.expected
    assert Service("x", url, allow_http=True).url == url


def test_a_password_in_a_url_is_not_shown() -> None:
    """A setting that is wrong is printed, a secret never."""
    error = error_of(Service, "x", "https://me:hunter2@example.org/")
    assert "hunter2" not in str(error)
    assert "example.org" in str(error)


@pytest.mark.parametrize(
    ("mount", "kept"), [("/polls", "/polls"), ("/a/b/", "/a/b"), ("/a.b~c_d-e", "/a.b~c_d-e")]
)
def test_mounts_that_are_fine(mount: str, kept: str) -> None:
    """A trailing slash is dropped."""
    assert Service("x", URL, mount=mount).mount == kept


BAD_PATHS = ["", "/", "//", "polls", "polls/", "/a//b", "/a b", "/é", "/a?b", "/a#b", "/a%20b", "/..",
             "/a/../b", "/.", "/a/.", "http://x/a", "/a\n", "\\a", 1, b"/a"]  # fmt: skip


@pytest.mark.parametrize("path", BAD_PATHS)
def test_paths_that_are_not(path: Any) -> None:
    """Of a mount, of a prefix."""
    for error in (error_of(Service, "x", URL, mount=path), error_of(checked_path, path, "prefix")):
        assert error.value == path
        assert "leading slash" in error.expected


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("mode", "page", "'actions', 'pages'"),
        ("mode", None, "'actions', 'pages'"),
        ("csrf_marker", "once", "'plain', 'nonce'"),
        ("transport", "wget", "'requests', 'curl'"),
        ("organizations", 1, "True"),
        ("organizations", "yes", "True"),
        ("allow_http", None, "True"),
        ("media_login", "", "True"),
        ("cookies", 0, "True"),
        ("cors_credentials", "x", "True"),
        ("user_fields", "pk", "tuple"),
        ("user_fields", None, "tuple"),
        ("redirect_hosts", "example.org", "tuple"),
        ("redirect_hosts", ["https://example.org"], "without a scheme"),
        ("redirect_hosts", ["*.example.org"], "without a scheme"),
        ("redirect_hosts", ["example.org/"], "without a scheme"),
        ("redirect_hosts", [""], "without a scheme"),
        ("redirect_hosts", [None], "a tuple of names"),
        ("variants", "b", "tuple"),
        ("variants", ("b",), "a tuple of Variant(...)"),
        ("variants", {"b": 1}, "a tuple of Variant(...)"),
        ("limits", {"page": 3}, "Limits"),
        ("limits", 3, "Limits"),
    ],
)
def test_other_settings_that_are_not(field: str, value: Any, expected: str) -> None:
    """Each by its name."""
    error = error_of(Service, "x", URL, **{field: value})
    assert error.field == f"Service('x').{field}"
    assert expected in error.expected


def test_a_service_is_frozen() -> None:
    """Lists become tuples; by default it learns the fields of version 1."""
    service = Service("x", URL, user_fields=["pk", "phone"], redirect_hosts=["example.org:8080"])  # type: ignore[arg-type]
    assert service.user_fields == ("pk", "phone")
    assert service.redirect_hosts == ("example.org:8080",)
    assert Service("x", URL).user_fields == USER_FIELDS
    assert hash(service) == hash(dataclasses.replace(service))
    with pytest.raises(dataclasses.FrozenInstanceError):
        service.url = "https://evil.example"  # type: ignore[misc]


# TOML ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "near"),
    [("secret_keys", "secret_key"), ("treads", "threads"), ("service", "services"), ("prefx", "prefix"),
     ("trusted-hops", "trusted_hops")],
)  # fmt: skip
def test_a_key_that_does_not_exist_names_the_nearest(key: str, near: str) -> None:
    """And is named itself."""
    error = error_of(
        checked_table, {key: 1}, "", ["services", "secret_key", "threads", "prefix", "trusted_hops"]
    )
    assert error.field == key
    assert f"did you mean {near!r}?" in error.expected


def test_a_key_that_is_like_none_names_all() -> None:
    """In order."""
    assert "one of aa, bb" in error_of(checked_table, {"zzzzzz": 1}, "", ["bb", "aa"]).expected


@pytest.mark.parametrize("key", ["secret_keys", "secretkey", "key", "Secret", "my_password", "api_token"])
def test_a_secret_under_a_wrong_name_is_not_shown(key: str) -> None:
    """It is a secret still."""
    error = error_of(checked_table, {key: "hunter2 hunter2 hunter2 hunter2 "}, "", ["secret_key", "prefix"])
    assert "hunter2" not in str(error)
    assert error.field == key


@pytest.mark.parametrize("table", [None, 1, "x", [], [{}]])
def test_what_is_no_table(table: object) -> None:
    """By its place."""
    assert error_of(checked_table, table, "limits", ["page"]).field == "limits"


def test_tables_of_a_file() -> None:
    """Services and limits by the names of their classes; the table is left as it was."""
    table = {"name": "x", "url": URL, "mode": "pages", "user_fields": ["pk"], "limits": {"page": 2}}
    service = service_from_table(table, 0)
    assert service == Service("x", URL, mode="pages", user_fields=("pk",), limits=Limits(page=2))
    assert table["limits"] == {"page": 2}
    assert limits_from_table({"connect": 0.1}) == Limits(connect=0.1)


@pytest.mark.parametrize(
    ("table", "field"),
    [
        ({}, "services[1].name"),
        ({"name": "x"}, "services[1].url"),
        ({"name": "x", "url": URL, "mod": 1}, "services[1].mod"),
        ({"name": "x", "url": URL, "limits": 1}, "services[1].limits"),
        ({"name": "x", "url": URL, "limits": {"pages": 1}}, "services[1].limits.pages"),
        ({"name": "x", "url": URL, "limits": {"page": "1"}}, "Limits.page"),
        ({"name": "X", "url": URL}, "Service.name"),
        ("x", "services[1]"),
    ],
)
def test_tables_that_are_wrong(table: object, field: str) -> None:
    """By their place in the file."""
    assert error_of(service_from_table, table, 1).field == field


@pytest.mark.parametrize("content", [b"a = ", b"\xff", b"a = 1\na = 2", b"= 1", b"[services", None])
def test_files_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    """Not TOML, not UTF-8, not there."""
    path = tmp_path / "plugit.toml"
    if content is not None:
        path.write_bytes(content)
    error = error_of(read_toml, path)
    assert (error.field, error.value) == ("file", str(path))


def test_a_broken_file_does_not_show_its_secret(tmp_path: Path) -> None:
    """The parser's words say where, not what."""
    path = tmp_path / "plugit.toml"
    path.write_text('secret_key = "hunter2hunter2hunter2hunter2hunter2\nprefix = "/s"\n')
    assert "hunter2" not in str(error_of(read_toml, path))
