"""With a key: no action without the host's signed context for exactly this call."""

from __future__ import annotations

import io
import threading

import pytest
from tests.unit.sdk.support import KEY, KEYS, NOW, SECRETS, service, sign

from plugit_wsgi import sdk
from plugit_wsgi.sdk.proof import ReplayMemory
from plugit_wsgi.wire.keys import KeyRing, format_service_key, load_secrets, service_keys

FORM = b"a=1&b=%C3%A9"


class Clock:
    """Unix time that a test sets."""

    def __init__(self, now=NOW):
        self.now = now

    def __call__(self):
        return self.now


@sdk.action("/", methods=["GET", "POST", "PUT"])
def act(request):
    user = request.plugit.user
    return {
        "user": user and user.id,
        "fields": user and dict(user.fields),
        "rights": sorted(request.plugit.rights),
        "form": request.form.to_dict(),
        "size": len(request.get_data()),
    }


@sdk.action("/tag/<path:name>")
def tag(request, name):
    return {"name": name}


@pytest.fixture
def clock():
    """Stands at the moment the contexts are signed at."""
    return Clock()


@pytest.fixture
def client(clock):
    """A service with a key and a name."""
    return service(act, tag, key=KEY, name="polls", clock=clock)


def send(client, token, *, method="GET", path="/action/", body=b"", query="", **options):
    headers = {"X-Plugit-Context": token} if token is not None else {}
    if body:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    url = path + (f"?{query}" if query else "")
    return client.open(url, method=method, headers=headers, data=body, **options)


def test_valid_context_tells_the_user(client):
    token = sign(subject="7", fields={"username": "zoë"}, rights=("member", "admin"))
    assert send(client, token).json == {
        "user": "7",
        "fields": {"username": "zoë"},
        "rights": ["admin", "member"],
        "form": {},
        "size": 0,
    }


def test_anonymous_visitor_has_a_context_too(client):
    assert send(client, sign()).json["user"] is None


def test_form_is_read_after_its_bytes_were_hashed(client):
    answer = send(client, sign("POST", body=FORM), method="POST", body=FORM)
    assert answer.json["form"] == {"a": "1", "b": "é"}


PATHS = [
    ("/action/tag/a/b", "/action/tag/a/b"),
    ("/action/tag/%C3%A9%20x", "/action/tag/%C3%A9%20x"),
    ("/action/tag/a%3Fb%23c%3Bd%25", "/action/tag/a%3Fb%23c%3Bd%25"),
    ("/action/tag/!$&'()*+,=:@~-._", "/action/tag/!$&'()*+,=:@~-._"),
]


@pytest.mark.parametrize(("sent", "signed"), PATHS)
def test_path_is_compared_as_the_host_encodes_it(sent, signed, client):
    """Servers decode it once; encoded again in one way only, it is what was signed."""
    assert send(client, sign(path=signed), path=sent).status_code == 200


def test_path_of_bytes_that_are_not_utf_8(client):
    """They are signed and compared as bytes."""
    answer = send(client, sign(path="/action/tag/%FF"), environ_overrides={"PATH_INFO": "/action/tag/\xff"})
    assert answer.status_code == 200
    answer = send(client, sign(path="/action/tag/%FF"), environ_overrides={"PATH_INFO": "/action/tag/\xfe"})
    assert answer.status_code == 401


@pytest.mark.parametrize("base", ["/plugit/", "/a/b/"])
def test_path_is_below_the_base_url(base, clock):
    client = service(act, key=KEY, config={"PI_BASE_URL": base}, clock=clock)
    assert send(client, sign(), path=f"{base}action/").status_code == 200


def test_path_is_below_the_script_name(client):
    assert send(client, sign(), environ_overrides={"SCRIPT_NAME": "/under"}).status_code == 200


REFUSED = {
    "none": (None, {}),
    "empty": ("", {}),
    "nonsense": ("nonsense", {}),
    "too long": ("x" * 5000, {}),
    "not ascii": ("é.é", {}),
    "unsigned": (sign().split(".")[0] + ".", {}),
    "payload changed": ("A" + sign()[1:], {}),
    "signature changed": (sign()[:-1] + ("A" if sign()[-1] != "A" else "B"), {}),
    "two joined": (sign() + "," + sign(), {}),
    "of another service": (sign(audience="notes", keys=service_keys(SECRETS, "notes")), {}),
    "of another service, signed by this one": (sign(audience="notes"), {}),
    "of a variant": (sign(audience="polls@b"), {}),
    "of another host": (sign(keys=service_keys(load_secrets("x" * 32), "polls")), {}),
    "key of another purpose": (sign(keys=KEYS.derived("context")), {}),
    "old": (sign(issued=NOW - 1000, expires=NOW - 31), {}),
    "of the future": (sign(issued=NOW + 31, expires=NOW + 91), {}),
    "of another issuer": (sign(issuer="plugit"), {}),
    "for an hour": (sign(expires=NOW + 3600), {}),
    "for GET": (sign("GET", body=FORM), {"method": "POST", "body": FORM}),
    "for POST": (sign("POST"), {}),
    "for HEAD": (sign("HEAD"), {}),
    "for another path": (sign(path="/action/tag/x"), {}),
    "for the path without action": (sign(path="/"), {}),
    "for another query": (sign(query=b"a=1"), {"query": "a=2"}),
    "for no query": (sign(), {"query": "a=1"}),
    "for a query in other bytes": (sign(query=b"a=%C3%A9"), {"query": "a=%c3%a9"}),
    "for another body": (sign("POST", body=b"a=2"), {"method": "POST", "body": FORM}),
    "for no body": (sign("POST"), {"method": "POST", "body": FORM}),
    "for a body that is not there": (sign("POST", body=FORM), {"method": "POST"}),
}


@pytest.mark.parametrize(("token", "request_options"), REFUSED.values(), ids=REFUSED.keys())
def test_anything_else_is_a_401_and_runs_no_action(token, request_options, clock):
    """In JSON, with a line in the log."""
    ran = []

    @sdk.action("/", methods=["GET", "POST"])
    def never(request):
        ran.append(1)
        return {}

    client = service(never, tag, key=KEY, name="polls", clock=clock)
    answer = send(client, token, **request_options)
    assert (answer.status_code, ran) == (401, [])
    assert set(answer.json) == {"error"}


@pytest.mark.parametrize(("now", "status"), [(-31, 401), (-30, 200), (0, 200), (90, 200), (91, 401)])
def test_clocks_may_differ_by_half_a_minute(now, status, client, clock):
    clock.now += now
    assert send(client, sign()).status_code == status


def test_without_a_name_the_key_decides(clock):
    """Keys are per name anyway."""
    client = service(act, key=KEY, clock=clock)
    assert send(client, sign(audience="polls@b")).status_code == 200


def test_keys_rotate(clock):
    """Several keys are valid while the host changes its secret."""
    newer = service_keys(load_secrets("n" * 32), "polls")
    client = service(act, key=[KEY, format_service_key(newer)], clock=clock)
    assert send(client, sign()).status_code == 200
    assert send(client, sign(keys=newer)).status_code == 200
    both = service_keys(load_secrets(["o" * 32, "n" * 32]), "polls")
    assert send(client, sign(keys=both)).status_code == 200
    assert send(client, sign(keys=KeyRing(both.keys[:1]))).status_code == 401


def test_key_comes_from_argument_then_config_then_environment(monkeypatch, clock):
    other = format_service_key(service_keys(SECRETS, "other"))
    monkeypatch.setenv("PLUGIT_SERVICE_KEY", KEY)
    assert send(service(act, clock=clock), sign()).status_code == 200
    assert send(service(act, clock=clock, config={"PI_SERVICE_KEY": other}), sign()).status_code == 401
    assert send(service(act, clock=clock, config={"PI_SERVICE_KEY": None}), sign()).status_code == 200
    assert (
        send(service(act, clock=clock, config={"PI_SERVICE_KEY": other}, key=KEY), sign()).status_code == 200
    )
    monkeypatch.setenv("PLUGIT_SERVICE_KEY", f"{other},{KEY}")
    assert send(service(act, clock=clock), sign()).status_code == 200


MAIL = b"response_id=42&message=hello"
MAILS = {
    "none": (None, 401),
    "of an action": (sign("POST", body=MAIL), 401),
    "for another mail": (sign("POST", "/mail", body=MAIL + b"!"), 401),
    "of another service": (sign("POST", "/mail", body=MAIL, keys=service_keys(SECRETS, "notes")), 401),
    "its own": (sign("POST", "/mail", body=MAIL), 200),
}


@pytest.mark.parametrize(("token", "status"), MAILS.values(), ids=MAILS.keys())
def test_mail_needs_a_context_of_its_own(token, status, clock):
    """Without, whoever reaches the service could answer mails in the name of others; and it goes once."""
    got = []
    mailed = service(
        act, key=KEY, name="polls", clock=clock, mail=lambda request: got.append(request.form["message"])
    )
    statuses = [send(mailed, token, method="POST", path="/mail", body=MAIL).status_code for _ in range(2)]
    assert statuses == [status, 401]
    assert got == (["hello"] if status == 200 else [])


def test_only_the_context_is_believed(clock):
    """Headers that others may write tell a service with a key nothing about the visitor."""

    @sdk.action("/")
    def tell(request):
        known = request.plugit
        return {
            "user": known.user and known.user.id,
            "rights": sorted(known.rights),
            "organization": known.organization and known.organization.id,
            "subscriptions": list(known.subscriptions),
            "address": known.address,
            "late": known.deadline is None or known.deadline > 5,
        }

    forged = {
        "X-Plugit-User-Pk": "1",
        "X-Plugit-User-Ebuio-Admin": "True",
        "X-Plugit-Orga-Pk": "1",
        "X-Plugit-Remote-Addr": "127.0.0.1",
        "X-Plugit-Deadline-Ms": "999999",
    }
    token = sign(
        subject="7", rights=("member",), subscriptions=("gold",), address="192.0.2.1", deadline_ms=900
    )
    client = service(tell, key=KEY, clock=clock)
    answer = client.get("/action/", headers={**forged, "X-Plugit-Context": token})
    assert answer.json == {
        "user": "7",
        "rights": ["member"],
        "organization": None,
        "subscriptions": ["gold"],
        "address": "192.0.2.1",
        "late": False,
    }


@pytest.mark.parametrize("path", ["/ping", "/version", "/meta/", "/meta/tag/x"])
def test_other_calls_need_no_context(path, client):
    """They are about the service, not about a visitor."""
    assert client.get(path).status_code == 200


def test_proof_comes_before_everything_about_an_action(client):
    """A stranger learns no methods, and gets no pre-flight."""
    assert client.delete("/action/").status_code == 401
    assert client.options("/action/").status_code == 401
    assert send(client, sign("OPTIONS"), method="OPTIONS").status_code == 200


# Replays


def test_unsafe_call_goes_once(client):
    token = sign("POST", body=FORM)
    assert [send(client, token, method="POST", body=FORM).status_code for _ in range(3)] == [200, 401, 401]


def test_two_calls_with_equal_content_are_two(client):
    statuses = [
        send(client, sign("PUT", body=FORM, token_id=name), method="PUT", body=FORM).status_code
        for name in "ab"
    ]
    assert statuses == [200, 200]


def test_safe_call_may_be_sent_again(client):
    """A host repeats a GET whose connection broke."""
    token = sign()
    assert [send(client, token).status_code for _ in range(2)] == [200, 200]


def test_refused_call_does_not_use_a_token_up(client):
    """A stranger who sends a wrong body with it cannot stop the right one."""
    token = sign("POST", body=FORM)
    assert send(client, token, method="POST", body=b"a=3").status_code == 401
    assert send(client, token, method="POST", body=FORM).status_code == 200


def test_memory_ends_with_the_token():
    """It is as large as what was signed in one lifetime."""
    clock = Clock(0.0)
    seen = ReplayMemory(clock)
    for second in range(1000):
        clock.now = float(second)
        assert not seen(f"token-{second}", second + 90.0)
    assert len(seen) <= 91
    assert seen("token-999", 0.0)
    assert not seen("token-0", 90.0)


def test_store_of_many_processes_can_take_its_place(clock):
    """It is told each token of an unsafe call, and until when."""
    told = []

    def seen(token_id, expires):
        told.append((token_id, expires))
        return len(told) > 1

    client = service(act, key=KEY, seen=seen, clock=clock)
    assert send(client, sign()).status_code == 200
    assert send(client, sign("POST", token_id="x"), method="POST").status_code == 200
    assert send(client, sign("POST", token_id="y"), method="POST").status_code == 401
    assert told == [("x", NOW + 90), ("y", NOW + 90)]


def test_one_of_many_threads_wins():
    """Thirty-two at once: one call."""
    seen = ReplayMemory(Clock())
    barrier = threading.Barrier(32)
    results = []

    def run():
        barrier.wait()
        results.append(seen("token", NOW + 90))

    threads = [threading.Thread(target=run) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results.count(False) == 1


# Bodies


class Counting(io.BytesIO):
    """Notes how much of it was read."""

    taken = 0

    def read(self, size=-1):
        piece = super().read(size)
        self.taken += len(piece)
        return piece

    def readinto(self, buffer):
        size = super().readinto(buffer)
        self.taken += size
        return size


@pytest.mark.parametrize("token", [None, "nonsense", sign("PUT", path="/action/tag/x", body=b"x" * 10**6)])
def test_stranger_s_upload_is_not_read(token, client):
    """Whatever can be refused without the body is refused before it."""
    stream = Counting(b"x" * 10**6)
    headers = {} if token is None else {"X-Plugit-Context": token}
    answer = client.put("/action/", input_stream=stream, content_length=10**6, headers=headers)
    assert (answer.status_code, stream.taken) == (401, 0)


def test_body_without_a_length_is_hashed_too(clock):
    """Chunked, as servers give it that end it themselves."""
    client = service(act, key=KEY, clock=clock)
    environ = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    token = {"X-Plugit-Context": sign("PUT", body=b"hello")}
    options = {"environ_overrides": environ, "headers": token, "content_length": None}
    assert client.put("/action/", input_stream=io.BytesIO(b"hello"), **options).json["size"] == 5
    token["X-Plugit-Context"] = sign("PUT", token_id="another")
    assert client.put("/action/", input_stream=io.BytesIO(b"hello"), **options).status_code == 401


def test_body_that_breaks_off_is_a_400(client):
    token = {"X-Plugit-Context": sign("PUT", body=b"x" * 100)}
    environ = {"CONTENT_LENGTH": "100"}
    answer = client.put(
        "/action/", input_stream=io.BytesIO(b"x" * 50), environ_overrides=environ, headers=token
    )
    assert answer.status_code == 400
