"""docs/vectors/context.json and docs/verify.mjs: what other languages are given is right.

Three verifiers read the vectors: ours, one by hand out of the standard library, and the manual's in Node.js.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import hashlib
import hmac
import html
import json
import re
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.support.require import require
from tests.support.servers import run_command
from tools.context_vectors import build_vectors
from webob import Request, Response

from plugit_wsgi import PlugItMiddleware, Service, User
from plugit_wsgi.errors import ContextExpired, ContextForeign, ContextTampered
from plugit_wsgi.wire.context import SignedContext, digest, verify
from plugit_wsgi.wire.keys import format_service_key, load_secrets, parse_service_keys, service_keys

SECRET = "a secret of the tests, long enough."
KEYS = service_keys(load_secrets(SECRET), "polls")
DOCS = Path(__file__).resolve().parents[3] / "docs"
VECTORS = json.loads((DOCS / "vectors" / "context.json").read_text(encoding="ascii"))
CONTEXTS = VECTORS["contexts"]
IDS = [f"{case['expected']}: {case['name']}" for case in CONTEXTS]
KINDS = {ContextTampered: "tampered", ContextExpired: "expired", ContextForeign: "foreign"}

RUN = """
import { verify } from "./verify.mjs";
import { readFileSync } from "node:fs";
const answers = JSON.parse(readFileSync(0)).map(({ token, keys, call, now }) => {
  try { return { found: "valid", claims: verify(token, keys, call, now) }; } catch (error) {
    return { found: error.message };
  }
});
console.log(JSON.stringify(answers));
"""


def ask_node(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What docs/verify.mjs says of each case."""
    node = shutil.which("node")
    require(node is not None, "Node.js")
    done = subprocess.run(
        [str(node), "--input-type=module", "--eval", RUN],
        cwd=DOCS,
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


def ask_ours(case: dict[str, Any]) -> str:
    call = case["call"]
    try:
        verify(
            case["token"],
            parse_service_keys(case["keys"]),
            audience=call["audience"],
            method=call["method"],
            path=call["path"],
            query=call["query"].encode(),
            body_digest=digest(call["body"].encode()),
            now=case["now"],
        )
    except (ContextTampered, ContextExpired, ContextForeign) as error:
        return KINDS[type(error)]
    return "valid"


def from_base64(text: str) -> bytes:
    assert re.fullmatch(r"[A-Za-z0-9_-]*", text)
    found = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    assert base64.urlsafe_b64encode(found).decode().rstrip("=") == text
    return found


def mac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()


def claims_by_hand(token: str, keys: list[str]) -> dict[str, Any]:
    """Of a token of ours: the docs' words, and nothing of the package.

    Raises:
        AssertionError, ValueError: it is none.
    """
    assert len(token) <= 4096
    payload, signature = token.split(".")
    macs = [mac(mac(from_base64(key), b"context"), payload.encode("ascii")) for key in keys]
    assert from_base64(signature) in macs
    claims: dict[str, Any] = json.loads(from_base64(payload))
    assert isinstance(claims, dict)
    assert (type(claims.get("v")), claims.get("v")) == (int, 1)
    assert VECTORS["claims_of_the_usual_call"].keys() <= claims.keys()
    assert all(type(claims[name]) in (int, float) and abs(claims[name]) < 1e12 for name in ("iat", "exp"))
    return claims


def ask_by_hand(case: dict[str, Any]) -> str:
    try:
        claims = claims_by_hand(case["token"], case["keys"])
    except (AssertionError, ValueError):
        return "tampered"
    if not (claims["iat"] - 30 <= case["now"] <= claims["exp"] + 30 and claims["exp"] <= claims["iat"] + 60):
        return "expired"
    call = case["call"]
    query, body = (hashlib.sha256(call[name].encode()).hexdigest() for name in ("query", "body"))
    actual = ["plugit-wsgi", call["audience"], call["method"], call["path"], query, body]
    return "valid" if [claims[name] for name in ("iss", "aud", "m", "p", "q", "bd")] == actual else "foreign"


def test_the_file_is_what_the_tool_prints() -> None:
    """`make vectors` writes it; if this fails, the wire has changed for all other languages."""
    assert json.loads(json.dumps(build_vectors())) == VECTORS


def test_the_file_has_cases_of_every_kind() -> None:
    counted = Counter(case["expected"] for case in CONTEXTS)
    assert counted.keys() == {"valid", *KINDS.values()}
    assert min(counted.values()) >= 4
    assert len(set(IDS)) == len(IDS)


@pytest.mark.parametrize("case", CONTEXTS, ids=IDS)
def test_ours_says_so(case: dict[str, Any]) -> None:
    assert ask_ours(case) == case["expected"]


@pytest.mark.parametrize("case", CONTEXTS, ids=IDS)
def test_a_verifier_by_hand_says_so(case: dict[str, Any]) -> None:
    assert ask_by_hand(case) == case["expected"]


def test_keys_by_hand() -> None:
    """Each is an HMAC of the one before; see the page."""
    for case in VECTORS["keys"]:
        service = mac(case["secret"].encode("utf-8"), f"plugit-wsgi/service/{case['audience']}".encode())
        expected = [service, mac(service, b"context"), mac(service, b"api")]
        assert [from_base64(case[name]) for name in ("service_key", "context_key", "api_key")] == expected


def test_node_says_so() -> None:
    """The verifier of the manual, as it stands there, in real Node."""
    found = [answer["found"] for answer in ask_node(CONTEXTS)]
    assert dict(zip(IDS, found, strict=True)) == {
        name: case["expected"] for name, case in zip(IDS, CONTEXTS, strict=True)
    }


def test_node_reads_what_was_signed_just_now() -> None:
    """By its own clock; all claims come out as they went in, whatever letters they have."""
    now = int(time.time())
    usual = SignedContext(
        audience="polls", issued=now, expires=now + 60, token_id="t", method="GET", path="/action/a%20b"
    )
    contexts = [
        usual,
        dataclasses.replace(usual, subject="Zoë \U0001f600 \u2028", fields={"a": [1, None, {"b": "é"}]}),
        dataclasses.replace(usual, rights=("member", "admin"), organization={"id": "1"}),
        dataclasses.replace(usual, query_digest=digest(b"a=1&a=%C3%A9"), body_digest=digest(b"body")),
    ]
    cases = []
    for context in contexts:
        query, body = ("a=1&a=%C3%A9", "body") if context is contexts[-1] else ("", "")
        call = {"audience": "polls", "method": "GET", "path": context.path, "query": query, "body": body}
        cases.append({"token": context.sign(KEYS), "keys": [format_service_key(KEYS)], "call": call})
    assert ask_node(cases) == [{"found": "valid", "claims": context.to_claims()} for context in contexts]
    late = [{**case, "now": now + 91} for case in cases]
    assert ask_node(late) == [{"found": "expired"}] * len(cases)


@pytest.fixture
def node_service(tmp_path: Path) -> Iterator[str]:
    """The service of the manual's page, on a free port."""
    node = shutil.which("node")
    require(node is not None, "Node.js")
    text = (DOCS / "verify.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```javascript\n(import.*?)```", text, re.S)
    assert "listen(5000," in code
    say = "console.log(`Serving http://127.0.0.1:${this.address().port}`);"
    told = f'listen(0, "127.0.0.1", function () {{ {say} }})'
    (tmp_path / "service.mjs").write_text(code.replace('listen(5000, "127.0.0.1")', told), encoding="utf-8")
    shutil.copy(DOCS / "verify.mjs", tmp_path)
    env = {"PLUGIT_SERVICE_KEY": f"{'A' * 43},{format_service_key(KEYS)}"}
    with run_command([str(node), "service.mjs"], ready="Serving ", cwd=tmp_path, env=env) as running:
        yield running.url


def test_the_service_of_the_page_believes_the_host_alone(node_service: str) -> None:
    """Behind a real host: pages for the visitor, parameters and form included; none without a context."""
    service = Service("polls", node_service, mode="pages")
    site = PlugItMiddleware(Response("none"), [service], SECRET, identify=lambda request: User("Zoë 7"))
    with contextlib.closing(site):
        for path in ("/s/polls/", "/s/polls/a%20b/%C3%A9?x=%C3%BC&x=2", "/s/polls/q?"):
            answer = Request.blank(path, headers={"Accept": "text/html"}).get_response(site)
            assert "Zoë 7" in html.unescape(answer.text), (path, answer.text)
    assert requests.get(f"{node_service}/", timeout=5).status_code == 401
    forged = {"X-Plugit-Context": "a.b", "X-Plugit-User-Pk": "7"}
    refused = requests.post(f"{node_service}/", data={"ebuio_u_pk": "7"}, headers=forged, timeout=5)
    assert refused.status_code == 401


def test_the_verifier_is_short_and_needs_node_alone() -> None:
    """What the page promises."""
    source = (DOCS / "verify.mjs").read_text(encoding="ascii")
    body = source[source.index("export function verify") :].splitlines()
    assert len(body) <= 22
    assert re.findall(r'from "([^"]+)"', source) == ["node:crypto"]
