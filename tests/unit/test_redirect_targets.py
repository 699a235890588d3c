"""Redirects that leave: every known class of payload, against each function that lets a target through."""

from __future__ import annotations

import pytest

from plugit_wsgi.http import below, is_local_target, quote_target, target_host

LEAVES = [
    # The scheme of the page, another host.
    "//evil.example", "//evil.example/", "///evil.example", "////evil.example", "//evil.example//x",
    "//evil%2eexample", "//evil%E3%80%82example", "//evil.example:80", "//user@evil.example", "//[::1]/",
    "//3232235777", "//0x7f.1", "//localhost", "//host.example@evil.example", "//evil.example\\@host.example",
    "//evil.example#host.example", "//evil.example?host.example", "//google.com/%2e%2e",
    # Backslashes, which browsers read as slashes.
    "/\\evil.example", "\\/evil.example", "\\\\evil.example", "/\\/evil.example", "\\evil.example",
    "/\\\\evil",
    "https:/\\evil.example", "https:\\/\\/evil.example", "https:\\\\evil.example", "http:\\evil.example",
    "https://host.example\\.evil.example", "https://evil.example\\@host.example",
    "https://host.example\\@evil.example",
    # White space and control bytes, which browsers take out.
    "/\t/evil.example", "/\n/evil.example", "/\r/evil.example", "\t//evil.example", " //evil.example",
    "\x00//evil.example", "\x01https://evil.example", "\x1f//evil.example", "ht\ntps://evil.example",
    "https:\t//evil.example", "https:/\t/evil.example", "//\tevil.example", "/ /evil.example\t",
    " https://evil.example", "\u00a0//evil.example", "\u2028//evil.example", "\ufeff//evil.example",
    "java\tscript:alert(1)", "/a\r\nLocation: //evil", "/a\nSet-Cookie: x=y", "/\x0b/evil.example",
    # User info.
    "https://host.example@evil.example", "https://host.example:80@evil.example", "https://a:b@evil.example/",
    "https://host.example%40evil.example", "https://host.example%2540evil.example", "https://@evil.example",
    "https://host.example%00@evil.example", "https://host.example;@evil.example", "https://evil.example&@host.example",
    "https://[host.example]@evil.example",
    # Names that only look like the host's.
    "https://host.example.evil.example", "https://evil.example/host.example", "https://nothost.example",
    "https://host-example", "https://host.example.", "https://host.exampl\u0435", "https://host\u3002example",
    "https://host\uff0eexample", "https://\u210bost.example", "https://evil\u2044.host.example",
    "https://evil.example\u2215host.example", "https://xn--hst-sna.example", "https://host%2eexample",
    "https://host.example%2f.evil.example", "https://host.example%23.evil.example",
    "https://host.example%5c.evil.example", "https://.host.example", "https://-host.example",
    "https://host.example:80.evil.example", "https://host.example:", "https://host.example:x",
    "https://host.example:444444", "https://host.example: 80", "https://host.example:+80", "https://host_.example",
    # Schemes.
    "javascript:alert(1)", "JavaScript:alert(1)", "javascript://host.example/%0aalert(1)",
    "java\nscript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "ftp://host.example/",
    "ws://host.example/", "blob:https://host.example/x", "view-source:https://host.example", "mailto:a@b",
    "http:evil.example", "https:evil.example", "http:/evil.example", "https:///evil.example",
    "http:////evil.example", "https:", "https://", "http://?host.example", "https://#host.example", "://evil.example",
    "HTTPS://evil.example", "hTTps://evil.example", "httpss://host.example", "http+x://host.example",
    "https ://host.example", "https%3a//host.example",
    # Addresses.
    "http://127.0.0.1.evil.example", "http://[::1]", "http://[::ffff:127.0.0.1]/", "http://2130706433",
    "http://0177.0.0.1", "http://0x7f000001/", "http://host.example:0@evil",
    # Nothing at all, and relative words.
    "", ".", "..", "evil.example", "?x", "#x", "%2f%2fevil.example", "./evil", "@evil.example",
    ";//evil.example",
]  # fmt: skip
ALLOWED = {"host.example", "host.example:8080"}


def test_the_list_is_a_list() -> None:
    """Each once, and enough of them."""
    assert len(LEAVES) >= 110
    assert len(set(LEAVES)) == len(LEAVES)


@pytest.mark.parametrize("target", LEAVES)
def test_none_is_local(target: str) -> None:
    """A browser could resolve it to another host, or to no host."""
    assert not is_local_target(target)


@pytest.mark.parametrize("target", LEAVES)
def test_none_has_an_allowed_host(target: str) -> None:
    """The strict pattern finds another host in it, or none."""
    assert target_host(target) not in ALLOWED


@pytest.mark.parametrize("target", LEAVES)
@pytest.mark.parametrize(
    "base", ["https://host.example", "https://host.example/app", "http://host.example:8080"]
)
def test_none_is_below_a_base(target: str, base: str) -> None:
    """The client never leaves the service's own base URL."""
    assert below(base, target) is None


@pytest.mark.parametrize("target", LEAVES)
def test_quoting_makes_none_of_them_leave(target: str) -> None:
    """A target is quoted before it is looked at: what is local after that is a path of the host alone."""
    quoted = quote_target(target)
    if is_local_target(quoted):
        assert not quoted.startswith("//")
        assert quoted.isascii()
        assert "\\" not in quoted
    assert target_host(quoted) not in ALLOWED


@pytest.mark.parametrize(
    "target",
    ["/", "/a", "/a/b?c=d#e", "/a//b", "/a?next=//evil.example", "/a?u=https://evil.example", "/%09/evil",
     "/%5Cevil", "/@evil.example", "/:80", "/.//evil", "/;x", "/a'b(c)*", "/!~[]^"],
)  # fmt: skip
def test_local_targets(target: str) -> None:
    """One slash first, then visible ASCII without a backslash."""
    assert is_local_target(target)


@pytest.mark.parametrize(
    ("target", "host"),
    [
        ("http://host.example", "host.example"),
        ("https://host.example/", "host.example"),
        ("https://HOST.example:8080/a?b#c", "host.example:8080"),
        ("https://host.example?x", "host.example"),
        ("https://host.example#x", "host.example"),
        ("http://10.0.0.1:5000/x", "10.0.0.1:5000"),
        ("http://localhost", "localhost"),
        *((f"http://{name}", name.lower()) for name in "azAZ09"),
        *((f"http://{name}{name}{name}", 3 * name.lower()) for name in "azAZ09"),
        ("https://a--b..c:65535/!~[]^", "a--b..c:65535"),
        ("https://ab", "ab"),
        ("https://a:0", "a:0"),
        ("https://a:9#~", "a:9"),
    ],
)
def test_target_host(target: str, host: str) -> None:
    """In lower case, with its port."""
    assert target_host(target) == host


@pytest.mark.parametrize("port", ["", "x", "100000", "-1", "80:80"])
def test_a_port_has_one_to_five_digits(port: str) -> None:
    """What follows the colon is one, or there is no host at all."""
    assert target_host(f"https://host.example:{port}") is None


@pytest.mark.parametrize(
    ("base", "location", "rest"),
    [
        ("http://svc:5000", "/meta/stations/", "meta/stations/"),
        ("http://svc:5000", "/", ""),
        ("http://svc:5000", "http://svc:5000/action/x?y=z", "action/x?y=z"),
        ("http://svc:5000", "HTTP://SVC:5000/x", None),
        ("http://svc:5000", "http://SVC:5000/x", "x"),
        ("http://SVC:5000", "http://svc:5000/x", "x"),
        ("http://svc:5000", "http://svc:5000/x#part", "x"),
        ("http://svc:5000", "http://svc:5000/x y", None),
        ("http://svc:5000", "http://svc:5000/x\n", None),
        ("http://svc:5000", "http://svc:5000/x\\y", None),
        ("http://svc:5000", "http://svc:5000", ""),
        ("http://svc:5000", "http://svc:5000?x", None),
        ("http://svc:5000", "http://svc:5001/x", None),
        ("http://svc:5000", "http://svc/x", None),
        ("http://svc:5000", "https://svc:5000/x", None),
        ("http://svc:5000", "x", None),
        ("http://svc/app", "/app/x", "x"),
        ("http://svc/app/", "/app/x", "x"),
        ("http://svc/box", "/box/y", "y"),
        ("http://svc/box", "/bo/y", None),
        ("http://svc/app", "/app/", ""),
        ("http://svc/app", "/app", None),
        ("http://svc/app", "/application/x", None),
        ("http://svc/app", "/other/x", None),
        ("http://svc/app", "http://svc/app/x", "x"),
        ("http://svc/app", "http://svc/x", None),
        ("http://svc/app", "/app/../x", None),
        ("http://svc/app", "/app/..", None),
        ("http://svc/app", "/app/.", None),
        ("http://svc/app", "/app/%2e%2E/x", None),
        ("http://svc/app", "/app/.%2e", None),
        ("http://svc/app", "/app/..%2fx", None),
        ("http://svc/app", "/app/..;/x", None),
        ("http://svc/app", "/app/%2e.%3Ba/x", None),
        ("http://svc/app", "/app/a%2F..%2f..%2fx", None),
        ("http://svc/app", "/app/a%5c..%5Cx", None),
        ("http://svc/app", "/app/a%2fb", "a%2fb"),
        ("http://svc/app", "/app/a/%2e./b", None),
        ("http://svc/app", "/app/..a/b..", "..a/b.."),
        ("http://svc/app", "/app/.../x", ".../x"),
        ("http://svc/app", "/app/x?back=/../y", "x?back=/../y"),
        ("http://svc/app", "http://svc/app/../x", None),
        ("http://svc/app", "/app/#/../x", ""),
    ],
)  # fmt: skip
def test_below(base: str, location: str, rest: str | None) -> None:
    """Strictly below, on a segment boundary, and not out again by dots."""
    assert below(base, location) == rest
