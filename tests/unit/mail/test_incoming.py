"""What an incoming message says, whoever wrote it."""

from __future__ import annotations

import time
from email import policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.mail_samples import CLIENTS, Sample, written

from plugit_wsgi.errors import MessageUnusable
from plugit_wsgi.mail import incoming
from plugit_wsgi.mail.incoming import read_head, read_text, reply_key

TOKEN = "abcdefgh234567abcdefgh234567abcd"
OTHER = "zzzzzzzz234567abcdefgh234567abcd"
ADDRESS = f"umfragen+{TOKEN}@host.example"


@pytest.mark.parametrize("sample", CLIENTS.values(), ids=CLIENTS)
def test_a_reply_of_a_real_client(sample: Sample) -> None:
    """Its address, and its text with what it quotes; no markup, no attachment."""
    raw = sample.to(ADDRESS)
    head = read_head(raw)
    assert (head.tokens, head.automatic) == ((TOKEN,), "")
    text = read_text(raw)
    assert {sample.says, sample.quotes} <= set(text.split("\n"))
    assert "<" not in text
    assert not {"iVBORw0KGgo=", "JVBERi0=", "alert(1)"} & set(text.split())


@pytest.mark.parametrize(
    ("fields", "tokens"),
    [
        ("To: a@b.example", ()),
        (f"To: {ADDRESS}", (TOKEN,)),
        (f"to: Polls <{ADDRESS}>, b@b.example", (TOKEN,)),
        (f"Cc: b@b.example,\n <{ADDRESS}>", (TOKEN,)),
        (f"To: a@b.example\nDelivered-To: {ADDRESS}", (TOKEN,)),
        (f"X-Original-To: {ADDRESS}", (TOKEN,)),
        (f"Envelope-To: {ADDRESS}", (TOKEN,)),
        (f"Resent-To: {ADDRESS}", (TOKEN,)),
        (f"Resent-Cc: {ADDRESS}", (TOKEN,)),
        (f"To: first+tag+{TOKEN}@host.example", (TOKEN,)),
        (f'To: "Müller" <{ADDRESS}>', (TOKEN,)),
        (f"To: x+{OTHER}@h.example\nDelivered-To: {ADDRESS}", (TOKEN, OTHER)),
        (f"To: {ADDRESS}\nCc: {ADDRESS}", (TOKEN,)),
        ("To: n+cItTqOOpTxnc3IS6LbXDCtVCPA==@h.example", ("cItTqOOpTxnc3IS6LbXDCtVCPA==",)),
        (f"Subject: {ADDRESS}\nFrom: {ADDRESS}\nReply-To: {ADDRESS}", ()),
        (f"To: polls+{TOKEN}", ()),
    ],
)
def test_tokens(fields: str, tokens: tuple[str, ...]) -> None:
    """Of any field that says where the message went, the one of the envelope first; of no other field."""
    assert read_head(f"{fields}\n\nx".encode()).tokens == tokens


@pytest.mark.parametrize(
    ("field", "why"),
    [
        ("Auto-Submitted: auto-replied", "Auto-Submitted"),
        ("auto-submitted: AUTO-GENERATED; owner=x", "Auto-Submitted"),
        ("Auto-Submitted: no", ""),
        ("Auto-Submitted: No (a person)", ""),
        ("X-Auto-Response-Suppress: OOF", "X-Auto-Response-Suppress"),
        ("X-Autoreply: yes", "X-Autoreply"),
        ("Precedence: Bulk", "Precedence"),
        ("Precedence: junk", "Precedence"),
        ("Precedence: auto_reply", "Precedence"),
        ("Precedence: list", "Precedence"),
        ("Precedence: first-class", ""),
        ("X-Precedence: bulk", "X-Precedence"),
        ("List-Id: A list <a.example>", "List-Id"),
        ("Return-Path: <>", "Return-Path"),
        ("Return-Path: < >", "Return-Path"),
        ("Return-Path: <a@b.example>", ""),
        ("From: Mail Delivery System <MAILER-DAEMON@b.example>", "From"),
        ("From: MAILER-DAEMON (Mail Delivery)", "From"),
        ("From: not-mailer-daemon@b.example", ""),
        ("Content-Type: multipart/report; report-type=disposition-notification; boundary=a", "Content-Type"),
        ("Subject: Automatic reply", ""),
    ],
)
def test_machines(field: str, why: str) -> None:
    """What no person wrote is known by its fields alone."""
    assert read_head(f"To: {ADDRESS}\n{field}\n\nx".encode()).automatic == why


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("<a@b>", "<a@b>"),
        (" <a\n b@c> ", "<ab@c>"),
        ("<ä@b>", None),
        ("", None),
        ("<" + "a" * 300 + ">", None),
    ],
)
def test_message_id(value: str, found: str | None) -> None:
    """It goes into a header field of ours: what would not fit there is a digest, the same each time."""
    raw = f"Message-ID: {value}\nTo: a@b\n\nx".encode()
    expected = found or read_head(raw).message_id
    assert read_head(raw).message_id == expected
    assert expected.isascii()
    assert found or expected.startswith("sha256:")
    assert found or read_head(raw + b"y").message_id != expected


@pytest.mark.parametrize(
    ("received", "arrived"),
    [
        (
            "Received: a; Thu, 1 Jan 1970 01:00:10 +0100\nReceived: x; Thu, 1 Jan 1970 00:00:00 +0000",
            10.0,
        ),
        ("Received: nonsense", None),
        ("Received: x; Thu, 99 Jan 99999999999 00:00:00 +0000", None),
        ("Date: Thu, 1 Jan 1970 01:00:10 +0100", 10.0),
        ("X: y", None),
    ],
)
def test_arrived(received: str, arrived: float | None) -> None:
    """The last server says, or else who wrote it."""
    assert read_head(f"{received}\n\n".encode()).arrived == arrived


@pytest.mark.parametrize(
    ("charset", "raw", "text"),
    [
        ("utf-8", "Grüße 🎉".encode(), "Grüße 🎉"),
        ("iso-8859-1", b"Gr\xfc\xdfe \x80", "Grüße €"),
        ("koi8-r", "Привет".encode("koi8-r"), "Привет"),
        ("iso-2022-jp", "はい".encode("iso-2022-jp"), "はい"),
        ("gb2312", "镕".encode("gb18030"), "镕"),
        ("us-ascii", "Grüße".encode(), "Grüße"),
        ("", b"Gr\xfc\xdfe", "Grüße"),
        ("x-unknown", "Grüße".encode(), "Grüße"),
        ("zlib", "Grüße".encode(), "Grüße"),
        ("punycode", "Grüße".encode(), "Grüße"),
        ("utf-8", b"a\xffb", "a\ufffdb"),
        ("utf-8", b"a\x00b", "a\ufffdb"),
        ("utf-7", b"a+2AA-b +2DzfiQ-", "a\ufffdb \N{PARTY POPPER}"),
    ],
)
def test_charsets(charset: str, raw: bytes, text: str) -> None:
    """No text is lost, whatever it says that it is."""
    kind = f"text/plain; charset={charset}" if charset else "text/plain"
    assert read_text(f"Content-Type: {kind}\n\n".encode() + raw) == text


@pytest.mark.parametrize(
    ("head", "body", "text"),
    [
        ("Content-Type: text/plain\nContent-Transfer-Encoding: base64", "SmE=", "Ja"),
        ("Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable", "=C3=A4=\n!", "ä!"),
        ("Content-Type: text/plain; format=flowed", "a \nb\n> c \n> d\n-- \nme", "a b\n> c d\n-- \nme"),
        ("Content-Type: text/plain; format=flowed; delsp=yes", "a \nb", "ab"),
        ("Content-Type: text/plain", "a \nb", "a \nb"),
        ("", "no head says what it is", "no head says what it is"),
        ("Content-Type: image/png", "x", ""),
        ("Content-Type: text/plain\nContent-Disposition: attachment", "x", ""),
        ("Content-Type: text/calendar", "x", ""),
        ("Content-Type: multipart/mixed", "no boundary", ""),
        (
            "Content-Type: multipart/mixed; boundary=b",
            "--b\n\none\n--b\nContent-Type: image/png\n\nx\n--b\n\ntwo\n--b--",
            "one\n\ntwo",
        ),
        (
            "Content-Type: multipart/alternative; boundary=b",
            "--b\nContent-Type: text/plain\n\n \n--b\nContent-Type: text/html\n\n<p>H</p>\n--b--",
            "H",
        ),
        (
            "Content-Type: multipart/alternative; boundary=b",
            "--b\nContent-Type: text/html\n\n<p>H</p>\n--b\nContent-Type: text/plain\n\nP\n--b--",
            "P",
        ),
        (
            "Content-Type: multipart/mixed; boundary=b",
            "--b\n\nmine\n--b\nContent-Type: message/rfc822\n\nSubject: x\n\nforwarded\n--b--",
            "mine",
        ),
    ],
)  # fmt: skip
def test_text(head: str, body: str, text: str) -> None:
    """Plain text first; what is attached is no text of the reply."""
    assert read_text(f"{head}\n\n{body}".lstrip().encode()) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>a</p><p>b</p>", "a\n\nb"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("<div>a</div><div>b</div>", "a\nb"),
        ("a &amp; &lt;b&gt; &#228;", "a & <b> ä"),
        ("<style>x{}</style><title>t</title>a<script>alert(1)</script>", "a"),
        ("<blockquote>q<blockquote>r</blockquote></blockquote>a", "> q\n\n>> r\n\na"),
        ("<ul><li>a<li>b</ul>", "- a\n- b"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("<table><tr><td>a<td>b</table>", "a b"),
        ("a \n\t b&nbsp;c", "a b c"),
        ("</blockquote></p></style>a", "a"),
        ("<p>a<script>never closed", "a"),
        ("<!--[if gte mso 9]><xml>x</xml><![endif]--><![if !mso]>a<![endif]>b<![foo[x]]>c<!-- d", "abc"),
    ],
)
def test_html(html: str, text: str) -> None:
    """What a reader sees, and nothing that is run."""
    raw = f"Content-Type: text/html; charset=utf-8\n\n{html}".encode()
    assert read_text(raw) == text


def nested(depth: int) -> bytes:
    return b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (at, at) for at in range(depth)
    )


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 1000, "100 parts"),
        (nested(5000), "100 parts"),
        (b"X: y\n\n" + b"\n" * 400_001, "lines"),
        (b"Content-Type: text/plain; charset=utf-8\n\n" + "ä".encode() * 90_000, "480000"),
        (b"Content-Type: text/html\n\n" + b"<p>" * 1_000_000, "HTML"),
    ],
    ids=["many", "deep", "lines", "long", "html"],
)
def test_bombs(raw: bytes, why: str) -> None:
    """Refused at once, before they cost anything."""
    since = time.process_time()
    with pytest.raises(MessageUnusable, match=why):
        read_text(raw)
    assert time.process_time() - since < 2


@pytest.mark.parametrize(
    "piece",
    [
        "<",
        "<!--",
        "<a ",
        "<![if ",
        '<p a="',
        "<a b='",
        "<a b=c ",
        "<p/",
        "</p ",
        "<?",
        "<blockquote>",
        "<script>",
        "&#",
    ],
)
def test_html_that_is_dear_to_parse(piece: str) -> None:
    """Its text is there all the same, and soon: the parser of the standard library is quadratic at some."""
    since = time.process_time()
    text = read_text(f"Content-Type: text/html\n\n<p>Hello</p>{piece * 20_000}".encode())
    assert text.split()[0] == "Hello"
    assert time.process_time() - since < 4


def test_a_head_without_end() -> None:
    """No mail of a person."""
    with pytest.raises(MessageUnusable, match="head"):
        read_head(b"X: y\n" * 100_000)
    assert read_head(b"To: " + ADDRESS.encode()).tokens == (TOKEN,)


def test_no_text_is_in_an_error_or_a_repr() -> None:
    """Logs hold neither."""
    assert TOKEN not in repr(read_head(written(ADDRESS)))


@given(st.binary(max_size=400), st.sampled_from([b"", b"Content-Type: multipart/mixed; boundary=b\n\n--b\n"]))
def test_any_bytes(raw: bytes, before: bytes) -> None:
    """A message is read, or unusable; nothing else happens."""
    try:
        read_head(before + raw)
        text = read_text(before + raw)
    except MessageUnusable:
        return
    text.encode("utf-8")
    assert "\0" not in text
    assert "\r" not in text


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=300))
def test_what_was_written_arrives(text: str) -> None:
    """Whatever encoding the standard library finds for it."""
    message = EmailMessage(policy=policy.SMTP)
    message["To"] = ADDRESS
    message.set_content(text)
    raw = message.as_bytes()
    assert read_head(raw).tokens == (TOKEN,)
    assert read_text(raw).split() == text.split()


def test_keys() -> None:
    """One for each service, response and message."""
    keys = {
        reply_key(*parts) for parts in (("a", "1", "m"), ("b", "1", "m"), ("a", "2", "m"), ("a", "1", "n"))
    }
    assert len(keys) == 4
    assert {len(key) for key in keys} == {64}


def test_the_limit_of_text_is_one_of_a_form() -> None:
    """Just below it, the text is read."""
    raw = b"Content-Type: text/plain\n\n" + b"a" * incoming.FORM_SIZE
    assert len(read_text(raw)) == incoming.FORM_SIZE
