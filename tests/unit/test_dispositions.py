"""Content-Disposition of services: whatever comes, one word and a safe name leave."""

from __future__ import annotations

import re
import time
import unicodedata
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.http import parse_options_header

from plugit_wsgi.dispositions import LONGEST_NAME, UNNAMED, rebuilt_disposition, safe_name
from plugit_wsgi.http import wire_text

STRICT = re.compile(
    r"(?:inline|attachment)"
    r"(?:; filename=\"(?P<plain>[ !#$&'()+,\-.;=@\[\]^_`{}~0-9A-Za-z]+)\""
    r"(?:; filename\*=UTF-8''(?P<extended>(?:[A-Za-z0-9_.~-]|%[0-9A-F]{2})+))?)?"
)
PIECES = (
    "attachment", "inline", "form-data", ";", "; filename=", "; filename*=", "UTF-8''", "iso-8859-1''",
    '"', '\\"', "\\",
    "/", "..", "%2e%2e%2f", "%00", "%0d%0a", "\r\n", "a.html", ".exe", "CON", ":", "*", "é", "日本",
    "\u202e", "\u2066",
    "\u200b", "\ufeff", "\x00", "\x7f", "\x85", " ", "=", "'", "&", ",", "\uff0f", "\uff0e\uff0e", "\ud800",
)  # fmt: skip


@pytest.mark.parametrize(
    ("sent", "rebuilt"),
    [
        (None, None),
        ("inline", "inline"),
        ("INLINE ; x=y", "inline"),
        ("attachment", "attachment"),
        ("form-data; name=x", "attachment"),
        ("", "attachment"),
        ("filename=a.txt", "attachment"),
        ("attachment; filename=table.csv", 'attachment; filename="table.csv"'),
        ('inline; FileName = "a b.txt"', 'inline; filename="a b.txt"'),
        ("attachment; filename=my report.pdf; size=3", 'attachment; filename="my report.pdf"'),
        ("attachment; filename=a; filename=b", 'attachment; filename="a"'),
        ('attachment; x="; filename=b"; filename=a', 'attachment; filename="a"'),
        # Folders and quotes.
        ("attachment; filename=../../etc/passwd", 'attachment; filename="passwd"'),
        ('attachment; filename="C:\\dir\\b.txt"', 'attachment; filename="b.txt"'),
        ('attachment; filename="a\\"b.txt"', 'attachment; filename="a_b.txt"'),
        ("attachment; filename=..", 'attachment; filename="download"'),
        ('attachment; filename=""', 'attachment; filename="download"'),
        ("attachment; filename*=UTF-8''..%2F..%5Cx", 'attachment; filename="x"'),
        # Not ASCII: bytes of UTF-8 or latin-1, and the extended form in any order.
        (
            wire_text('attachment; filename="Größe.pdf"'),
            "attachment; filename=\"Groe.pdf\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe.pdf",
        ),
        ("attachment; filename=\xe9.txt", "attachment; filename=\"e.txt\"; filename*=UTF-8''%C3%A9.txt"),
        (
            "inline; filename*=utf-8'de'%e2%82%ac.txt; filename=euro.txt",
            "inline; filename=\"download.txt\"; filename*=UTF-8''%E2%82%AC.txt",
        ),
        ("inline; filename*=koi8-r''%c1; filename=a", 'inline; filename="a"'),
        ("inline; filename*=iso-8859-1''%e9", "inline; filename=\"e\"; filename*=UTF-8''%C3%A9"),
        # A slash that only the plain name has.
        (
            wire_text("inline; filename=a\uff0fb.txt"),
            "inline; filename=\"b.txt\"; filename*=UTF-8''a%EF%BC%8Fb.txt",
        ),
        # Some browsers decode percent signs in a plain name.
        ("inline; filename=a%2fb", "inline; filename=\"a_2fb\"; filename*=UTF-8''a%252fb"),
        # Control and direction.
        ("inline; filename=a\tb\x7f\x85.txt", 'inline; filename="ab.txt"'),
        (wire_text("inline; filename=photo\u202egpj.exe"), 'inline; filename="photogpj.exe"'),
    ],
)
def test_rebuilt(sent: str | None, rebuilt: str | None) -> None:
    """One word, one ASCII name, and the whole name if that is not it."""
    assert rebuilt_disposition(sent, as_attachment=False) == rebuilt
    if rebuilt is not None:
        saved = "attachment" + rebuilt.removeprefix("inline").removeprefix("attachment")
        assert rebuilt_disposition(sent, as_attachment=True) == saved
    else:
        assert rebuilt_disposition(sent, as_attachment=True) == "attachment"


@pytest.mark.parametrize("piece", ['\\"', ';a="', ';a=\\"', ';a="\\', "; ", "; a", "%2f/", "\u202e.", " "])
def test_a_long_one_takes_no_time(piece: str) -> None:
    """A head may have 32 KiB."""
    started = time.process_time()
    rebuilt_disposition('x; filename="' + piece * (32768 // len(piece)), as_attachment=False)
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("a.txt", "a.txt"),
        (" .htaccess. ", "htaccess"),
        ("a\u2028b\ue000c\u0378.txt", "abc.txt"),
        ("a\u00a0b\u3000c", "a b c"),
        ('<a>:"|?*', "_a______"),
        ("e\u0301", "é"),
        ("x" * 300 + ".docx", "x" * 115 + ".docx"),
        ("x" * 115 + " ." + "y" * 10, "x" * 109 + "." + "y" * 10),
        ("x" * 100 + "." + "y" * 100, "x" * 100 + "." + "y" * 19),
        ("", UNNAMED),
        ("///", UNNAMED),
        ("\u202e", UNNAMED),
    ],
)
def test_safe_name(name: str, safe: str) -> None:
    """Nothing that leads elsewhere, hides, or looks like something else."""
    assert safe_name(name) == safe


WORDS = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=10).map("".join)
STARTS = st.sampled_from(("", "attachment; filename=", 'inline; filename="', "x; filename*=UTF-8''"))


@given(st.builds("{}{}".format, STARTS, WORDS), st.booleans())
def test_whatever_comes_a_strict_header_leaves(text: str, as_attachment: bool) -> None:
    """ASCII, one line; and the names in it, as others read them, are safe."""
    raw = text.encode("utf-8", "surrogatepass").decode("latin-1")
    for sent in (text, raw):
        rebuilt = rebuilt_disposition(sent, as_attachment=as_attachment)
        assert rebuilt is not None
        found = STRICT.fullmatch(rebuilt)
        assert found, rebuilt
        assert rebuilt.startswith("attachment") or not as_attachment
        names = [found["plain"] or "", unquote(found["extended"] or "", errors="strict")]
        for name in (*names, parse_options_header(rebuilt)[1].get("filename", "")):
            assert not re.search(r'[/\\:*?"<>|\x00-\x1f\x7f]', name)
            assert all(unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in name)
            assert not name.startswith(".")
            assert len(name) <= LONGEST_NAME


@given(st.text("abcäöé日 &;'", min_size=1, max_size=30).map(lambda name: f"a{name.strip()}b.pdf"))
def test_good_names_stay(name: str) -> None:
    """As the service sent them, in each form that services use."""
    kept = unicodedata.normalize("NFC", name)
    extended = "".join(f"%{byte:02X}" for byte in name.encode("utf-8"))
    for form in (f'"{name}"', f"x; filename*=UTF-8''{extended}"):
        rebuilt = rebuilt_disposition(wire_text(f"attachment; filename={form}"), as_attachment=False)
        assert parse_options_header(rebuilt)[1]["filename"] == kept
