"""Keys and tokens are in no log line, however much a host logs."""

from __future__ import annotations

import logging

import pytest

from plugit_wsgi import User
from plugit_wsgi.directory import StaticDirectory
from plugit_wsgi.testing.fake_service import FakeService, Reply
from plugit_wsgi.wire.keys import api_keys, load_secrets, service_keys
from tests.integration.conftest import SECRET, MakeHost
from tests.support import planted

KEY = api_keys(service_keys(load_secrets(SECRET), "x"))[0]


def test_keys_and_tokens_are_in_no_line(
    make_host: MakeHost, service: FakeService, caplog: pytest.LogCaptureFixture
) -> None:
    """With every logger at DEBUG, over pages that work, pages that break, wrong and right keys of the API."""
    caplog.set_level(logging.DEBUG)
    host = make_host(directory=StaticDirectory((User("7", "anna"),), organizations=()))
    sets = (("EbuIo-PlugIt-SetSession-k", "K3ptForTheVisitor"),)
    service.action("/a", template="{% csrf_token %}", answer=Reply(headers=sets))
    service.action("/broken", template="{{", answer=Reply(status=500, body="Traceback"))
    service.action("/wrong", meta={"only_admin_user": "yes"}, answer={})
    service.action("/form", meta={"json_only": True}, answer={})
    visitor = host.visitor("anna")
    token = visitor.token("/s/x/a")
    for path in ("/s/x/a", "/s/x/broken", "/s/x/wrong", "/s/x/missing", "/s/x/a/../b"):
        visitor.get(path)
    for given in (token, token[:-1] + "x", ""):
        visitor.post("/s/x/form", headers={"X-CSRFToken": given}, data={"password": "P4sswordOfAnna"})
    for key in (KEY, KEY[:-1] + "x"):
        visitor.get("/s/_api/x/user/7", headers={"Authorization": f"Bearer {key}"})
    contexts = {
        call.headers["x-plugit-context"] for call in service.calls if "x-plugit-context" in call.headers
    }
    assert len(contexts) >= 3
    lines = "\n".join(f"{record.name} {record.getMessage()} {record.exc_text}" for record in caplog.records)
    assert "plugit_wsgi" in lines
    assert planted.find(lines) == []
    secrets = {*contexts, token, KEY, KEY[:-1], "K3ptForTheVisitor", "P4sswordOfAnna"}
    assert [secret for secret in secrets if secret in lines or secret[:20] in lines] == []


@pytest.mark.parametrize("level", [logging.DEBUG, logging.ERROR])
def test_a_host_that_raises_with_a_secret_tells_no_visitor(
    make_host: MakeHost, service: FakeService, level: int
) -> None:
    """The cause is the log's alone; the page says that something failed."""

    def identify(_request: object) -> None:
        raise RuntimeError("the database at db://site:hunter2-hunter2@db refused")

    service.action("/a", template="x", answer={})
    logging.getLogger("plugit_wsgi").setLevel(level)
    try:
        answer = make_host(identify=identify).visitor().get("/s/x/a")
    finally:
        logging.getLogger("plugit_wsgi").setLevel(logging.NOTSET)
    assert answer.status_code == 500
    assert "hunter2" not in answer.text + repr(answer.headers)
