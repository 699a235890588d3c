"""Content types of services: one type, and how a browser may show it."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugit_wsgi.http import is_header_value
from plugit_wsgi.media_types import BYTES, Showing, essence_of, rebuilt_type, showing

ONE_TYPE = re.compile(
    r"[!#$%&'*+.^_`|~0-9a-z-]+/[!#$%&'*+.^_`|~0-9a-z-]+"
    r"(; [!#$%&'*+.^_`|~0-9a-z-]+=([!#$%&'*+.^_`|~0-9A-Za-z-]+|\"[\t !#-+\--\[\]-~]*\"))*"
)
"""RFC 9110 section 8.3.1, without commas and backslashes."""
PIECES = (
    "text/plain", "text/html", "image/svg+xml", "application/xml", "image/png", "TEXT/HTML", "text", "/",
    ";", ",",
    "; charset=utf-8", '; x="', '"', "\\", '; a="b, c"', ", text/html", ";,text/html", " ", "\t", "=",
    "*/*", "é", "\xa0",
    "\x0b", "\x00", "+xml", "html",
)  # fmt: skip


@pytest.mark.parametrize(
    ("sent", "rebuilt"),
    [
        ("text/plain", "text/plain"),
        (" Text/HTML ;Charset=UTF-8", "text/html; charset=UTF-8"),
        ('text/plain;charset="utf-8";', 'text/plain; charset="utf-8"'),
        ("multipart/byteranges; boundary=x", "multipart/byteranges; boundary=x"),
        ('text/plain; x="a;b"; y=c', 'text/plain; x="a;b"; y=c'),
        ("text/plain; charset=a; charset=b", "text/plain; charset=a"),
        # What cannot be read is left out.
        ("text/css; charset", "text/css"),
        ("text/css; charset=; x=y", "text/css; x=y"),
        ('video/mp4; codecs="avc1, mp4a"', "video/mp4"),
        ('text/plain; x="a\\"b"', "text/plain"),
        ('text/plain; x="\xe9"', "text/plain"),
        ('text/plain; x="text/html', "text/plain"),
        ('text/plain; x="a; y=b', "text/plain"),
        # Not one type.
        ("text/plain, text/html", BYTES),
        ("text/plain; x=y, text/html", BYTES),
        ("image/png;,text/html", BYTES),
        ('text/plain; x="a", text/html', BYTES),
        ('text/plain; x="a\\", text/html', BYTES),
        ("text/html x", BYTES),
        ("text", BYTES),
        ("text/", BYTES),
        ("", BYTES),
        ("\x0btext/plain", BYTES),
        ("t\xe9xt/plain", BYTES),
    ],
)
def test_one_type(sent: str, rebuilt: str) -> None:
    """In our spelling; browsers disagree about anything else."""
    assert rebuilt_type(sent) == rebuilt


@pytest.mark.parametrize("piece", ['\\"', ';"', ';\\"', ';x="\\', ";x=", ' ;"a"', "a/"])
def test_a_long_one_takes_no_time(piece: str) -> None:
    """A head may have 32 KiB; a search that starts again at each quote would take seconds."""
    started = time.process_time()
    rebuilt_type('text/plain;x="' + piece * (32768 // len(piece)))
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    ("kinds", "how"),
    [
        (
            "text/plain text/css text/csv text/javascript application/javascript application/x-javascript "
            "application/json application/ld+json application/manifest+json application/wasm application/pdf "
            "image/png image/jpeg image/gif image/webp image/avif image/x-icon image/vnd.microsoft.icon "
            "audio/mpeg "
            "audio/ogg video/mp4 video/webm font/woff font/woff2 application/font-woff "
            "application/x-font-ttf "
            "application/vnd.ms-fontobject text/vtt",
            Showing.INLINE,
        ),
        (
            "text/html text/xml text/xsl application/xml application/xhtml+xml application/xslt+xml "
            "image/svg+xml "
            "application/mathml+xml application/atom+xml video/x+xml font/x+xml image/svg+xml;charset=utf-8",
            Showing.SANDBOX,
        ),
        (
            "application/octet-stream application/zip application/vnd.ms-excel multipart/x-mixed-replace "
            "multipart/related message/rfc822 application/x-shockwave-flash text/x-component image/svg "
            "image/x-what "
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document text/vnd.wap.wml */* "
            "text/* "
            "application/x-html+html text/html+json text/cache-manifest application/java-archive x/y",
            Showing.ATTACHMENT,
        ),
    ],
)
def test_the_table(kinds: str, how: Showing) -> None:
    """What runs no scripts is shown, documents without theirs, and what nobody knows is saved."""
    assert {kind: showing(kind) for kind in kinds.split()} == dict.fromkeys(kinds.split(), how)


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=8).map("".join))
def test_whatever_comes_one_type_leaves(sent: str) -> None:
    """Of the grammar, the same when rebuilt again, and never inline if a document can be read in it."""
    rebuilt = rebuilt_type(sent)
    assert ONE_TYPE.fullmatch(rebuilt)
    assert is_header_value(rebuilt)
    assert rebuilt_type(rebuilt) == rebuilt
    assert rebuilt == BYTES or sent.strip(" \t").lower().startswith(essence_of(rebuilt))
    if showing(rebuilt) is Showing.INLINE:
        assert not re.search("html|xml|xsl|svg", essence_of(rebuilt))
        assert "," not in re.sub(r'"(\\.|[^"\\])*"', "", sent)
