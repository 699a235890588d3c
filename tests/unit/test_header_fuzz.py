"""Headers of hostile services: whatever is sent, only known names and clean values reach a visitor."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.test_answers import ACTIONS, LIMITS
from tests.unit.test_framing import FRAGMENT, FRAMER
from tests.unit.test_media_types import ONE_TYPE
from tests.unit.visiting import visit

from plugit_wsgi.answers import passed_headers
from plugit_wsgi.http import FILE_HEADERS, KEPT_HEADERS, Answer, get_header, is_header_value
from plugit_wsgi.wire.result import Data, File, Redirect, Status

CORS = {f"access-control-{name}" for name in (
    "allow-origin", "expose-headers", "max-age", "allow-methods", "allow-headers"
)}  # fmt: skip
OURS = {"content-security-policy", "x-content-type-options", "content-type", "location"}
KNOWN = CORS | OURS | {
    "etag", "last-modified", "cache-control", "vary", "content-language", "retry-after",
    "content-disposition",
    "content-length", "content-range", "accept-ranges",
}  # fmt: skip
"""Written out here: a name that somebody adds to a list is to be thought about twice."""
COMMANDS = (
    "Set-Cookie", "X-Accel-Redirect", "X-Accel-Buffering", "X-Sendfile", "X-LiteSpeed-Location",
    "Service-Worker-Allowed", "Clear-Site-Data", "Strict-Transport-Security", "Content-Security-Policy",
    "Refresh",
    "Link", "Location", "Content-Location", "X-Frame-Options", "Connection", "Transfer-Encoding",
    "Trailer", "Upgrade",
    "Status", "Date", "Server", "SourceMap", "NEL", "Report-To", "Alt-Svc", "Accept-CH",
    "X-Content-Type-Options",
    "WWW-Authenticate", "Access-Control-Allow-Credentials", "Access-Control-Allow-Private-Network",
    "Cross-Origin-Opener-Policy", "Permissions-Policy", "X-Plugit-Context", "EbuIo-PlugIt-Redirect",
)  # fmt: skip
NAMES = (
    st.sampled_from([*sorted(KNOWN), *COMMANDS]).flatmap(
        lambda name: st.sampled_from(
            [name, name.upper(), f" {name}", f"{name} ", name.replace("-", "_"), f"{name}\r\nX"]
        )
    )
    | st.text(max_size=12)
)  # fmt: skip
VALUES = st.lists(
    st.sampled_from(
        ["public", "private", "s-maxage=9", "max-age=9", "no-store", ",", ";", "=", '"', "text/html",
         "image/png", "*", "inline", "attachment", "filename=", "../", "\r\n", "\n", "\r", "\x00", "\x7f",
         "\xe9", "Set-Cookie: a=b", " ", "5"]
    )
    | st.text(max_size=3),
    max_size=6,
).map("".join)  # fmt: skip
READ = st.sampled_from(("Content-Type", "Content-Disposition", "Cache-Control"))
HEADERS = st.lists(st.tuples(READ | NAMES, VALUES), max_size=12).map(tuple)
REPEATED = {"vary", "cache-control", "set-cookie"}


def answers(sent: tuple[tuple[str, str], ...]) -> list[Answer]:
    """One of each kind, as for a visitor without a session."""
    about = passed_headers(sent, ACTIONS, LIMITS, KEPT_HEADERS)
    file = passed_headers(sent, ACTIONS, LIMITS, FILE_HEADERS)
    kind = get_header(sent, "Content-Type") or "text/plain"
    return [
        FRAMER.page(FRAGMENT, visit(), token="", headers=about),
        FRAMER.bare(b"", kind, Data(value={}, raw=b"", headers=about), visit(), personal=True),
        FRAMER.stream(File(body=(), headers=file), (), visit(), personal=True),
        FRAMER.status(Status(headers=about), visit(), personal=True),
        FRAMER.redirect(Redirect(target="a", absolute=False, headers=about), visit()),
    ]


@given(HEADERS)
def test_only_known_headers_leave(sent: tuple[tuple[str, str], ...]) -> None:
    """By name, clean by value, once each where one is meant; and what we say is not the service's to say."""
    for answer in answers(sent):
        names = [name.lower() for name, _value in answer.headers]
        assert set(names) <= KNOWN
        assert all(is_header_value(value) for _name, value in answer.headers)
        single = [name for name in names if name not in REPEATED]
        assert len(single) == len(set(single))
        values = {name.lower(): value for name, value in answer.headers}
        assert values.get("x-content-type-options", "nosniff") == "nosniff"
        assert values.get("content-security-policy", "sandbox") == "sandbox"
        assert values.get("location", "/s/x/a") == "/s/x/a"
        assert ONE_TYPE.fullmatch(values.get("content-type", "a/b"))
        assert ("content-type" in values) == ("x-content-type-options" in values)


@given(HEADERS)
def test_what_may_depend_on_the_visitor_is_private(sent: tuple[tuple[str, str], ...]) -> None:
    """One Cache-Control, private first; no word of the service makes it public."""
    for answer in answers(sent):
        (said,) = [value for name, value in answer.headers if name.lower() == "cache-control"]
        words = [word.strip().lower().partition("=")[0] for word in said.split(",")]
        assert words[0] == "private"
        assert not {"public", "s-maxage"} & set(words)
