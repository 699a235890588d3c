"""No secrets in a log line, and nothing that breaks it."""

from __future__ import annotations

import json
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugit_wsgi.clock import Deadline, SystemClock
from plugit_wsgi.observers.redaction import quoted, redacted
from plugit_wsgi.wire.keys import api_keys, format_service_key, load_secrets, service_keys

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3IiwibmFtZSI6ImFubmEifQ.dBjftJeZ4CVP_mB92K27uhbUJU1p1r-wW1gFWFOEjXk"
SECRETS = [
    ("GET http://anna:hunter2@10.0.0.7:5000/x failed", "hunter2", "GET http://10.0.0.7:5000/x failed"),
    ("https://tok3n@git.example/x", "tok3n", "https://git.example/x"),
    ("http://a:p@ss@h/x", "ss", "http://h/x"),
    ("Max retries with url: /action/a?ebuio_u_first_name=Anna&x=1 (refused)", "Anna",
     "Max retries with url: /action/a?*** (refused)"),
    ("mail to anna.muster+x@example.org failed", "muster", "mail to *** failed"),
    ("/user/anna@localhost/edit", "anna", "/user/***/edit"),
    ("/user/anna%40example.org", "anna", "/user/***"),
    ("Authorization: Bearer abc.def", "abc", "Authorization: *** ***"),
    ("sent bearer abcdef1", "abcdef1", "sent bearer ***"),
    ("Cookie: a=b; sessionid=xyz and more", "xyz", "Cookie: ***"),
    ("Set-Cookie: plugit=xyz; Path=/", "xyz", "Set-Cookie: ***"),
    ("{'password': 'hunter2', 'n': 1}", "hunter2", "{'password': ***, 'n': 1}"),
    ('{"api_key": "two words", "n": 1}', "words", '{"api_key": ***, "n": 1}'),
    ("PLUGIT_SECRET_KEY=abc", "abc", "PLUGIT_SECRET_KEY=***"),
    ("csrfmiddlewaretoken=abc&a=1", "abc", "csrfmiddlewaretoken=***&a=1"),
    (f"the context was {JWT}", "dBjft", "the context was ***.***.***"),
    ("reset/Zk3xQ9vR2mT7pL5wN8bY/now", "Zk3x", "reset/***/now"),
    ("key 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b", "9f86", "key ***"),
    ("/show/6fa459ea-ee8a-3ca4-894e-db77e160355e", "6fa4", "/show/***"),
    ("key abcdefghijklmnopqrstuvwxyzabcdefghijklmnop", "abcd", "key ***"),
    ("card 4111111111111111", "4111", "card ***"),
]  # fmt: skip
PLAIN = [
    "no connection: [Errno 111] Connection refused",
    "the deadline passed while waiting for the head of the answer",
    "/show/12/annual-report-2024-of-the-club",
    "HTTPConnectionPool(host='127.0.0.1', port=5000): Max retries exceeded",
    "meta has a rule that is not known (only_vip_user)",
    "a body of more than 524288 bytes (body)",
    "polls.internal.example.org:5000",
    "ServiceUnreachable",
    "HTTPSConnectionPoolManagerError",
]


@pytest.mark.parametrize(("text", "secret", "said"), SECRETS)
def test_secrets_are_taken_out(text: str, secret: str, said: str) -> None:
    """Userinfo, queries, addresses, cookies, named secrets, and whatever looks like a token."""
    assert redacted(text) == said
    assert secret not in redacted(text)


@pytest.mark.parametrize("text", PLAIN)
def test_what_helps_stays(text: str) -> None:
    """A line without its cause would be useless."""
    assert redacted(text) == text


@pytest.mark.parametrize(("text", "secret", "said"), SECRETS)
def test_redacting_twice_changes_nothing(text: str, secret: str, said: str) -> None:
    """Whoever makes an event does it, and whoever writes a line."""
    assert redacted(redacted(text)) == redacted(text)


def test_keys_and_tokens_of_ours_look_like_tokens() -> None:
    """None of what the library itself hands out gets through."""
    for number in range(2000):
        ring = service_keys(load_secrets(f"a secret of the tests, long enough {number}"), "polls")
        token = ring.sign(b'{"sub": "anna"}', "context")
        for secret in (format_service_key(ring), *api_keys(ring), token, ring.keys[0].hex()):
            said = redacted(f"/a/{secret}/b: got {secret}.")
            assert [part for part in re.split(r"[.=-]", secret) if len(part) > 8 and part in said] == []


@pytest.mark.parametrize(
    "filler", ["/", "a", "@", "a@", "?/", "//", "cookie", "token", "-", "a ", '"', "1b="]
)
def test_the_time_it_takes_is_bounded(filler: str) -> None:
    """Also for texts that were made to take long."""
    text = filler * 100_000
    deadline = Deadline.after(0.5, SystemClock())
    started = time.perf_counter()
    found = redacted(text)
    assert deadline.remaining() > 0, time.perf_counter() - started
    assert len(found) <= 2100


def test_a_secret_at_the_cut_goes_whole() -> None:
    """Half a token may not look like one."""
    text = "a " * 495 + "Zk3xQ9vR2mT7pL5wN8bY"
    assert "Zk3" not in redacted(text)
    assert redacted(text).endswith("a ...")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("plain/text-1.2", "plain/text-1.2"),
        ("two words", '"two words"'),
        ("", '""'),
        ("a=b", '"a=b"'),
        ('say "x"', '"say \\"x\\""'),
        ("one\r\ntwo\x85three\u2028four", '"one two three four"'),
        ("bell\x07, back \u202egnol", '"bell?, back ?gnol"'),
        ("Grüße", '"Gr\\u00fc\\u00dfe"'),
        ("\ud800", '"?"'),
    ],
)
def test_values_are_quoted(text: str, said: str) -> None:
    """As it is where that is safe, else as a JSON string in ASCII."""
    assert quoted(text, 100) == said


@given(st.text(), st.integers(8, 80))
def test_a_quoted_value_is_one_short_word_or_string(text: str, limit: int) -> None:
    """Whatever it is: within its limit, printable ASCII, and whole in its quotes."""
    said = quoted(text, limit)
    assert len(said) <= limit
    assert said.isascii()
    assert said.isprintable()
    if said[0] == '"':
        assert isinstance(json.loads(said), str)
    else:
        assert " " not in said
        assert "=" not in said
