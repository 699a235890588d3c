"""The same service under every server, below a SCRIPT_NAME too, with wsgiref.validate around it."""

from __future__ import annotations

import http.client
import time
from textwrap import dedent
from urllib.parse import urlsplit

import pytest
from tests.support.servers import SERVERS, run_app
from tests.unit.sdk.support import KEY, sign

SERVICE = """
    from types import SimpleNamespace
    from plugit_wsgi.sdk import PlugItRedirect, PlugItSetSession, ServiceApp, action, get_session_from_request

    @action("/tag/<name>", methods=["GET", "POST"])
    def tag(request, name):
        session = get_session_from_request(request)
        return {"name": name, "form": request.form.to_dict(), "session": session}

    @action("/go")
    def go(request):
        return PlugItSetSession(PlugItRedirect("/café"), {"city": "Zürich"})

    application = ServiceApp(SimpleNamespace(tag=tag, go=go), key=KEY)
"""


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """The service as a file."""
    path = tmp_path_factory.mktemp("service") / "service.py"
    path.write_text(dedent(SERVICE).replace("KEY)", f"{KEY!r})"), encoding="utf-8")
    return path


@pytest.mark.parametrize("below", ["", "/under/here"])
@pytest.mark.parametrize("server", SERVERS)
def test_signed_calls_under_every_server(server, below, app):
    """Path, query, body, session and control headers arrive as they were sent."""
    now = time.time()
    path, query, body = "/action/tag/%C3%A9%20%3F", "a=%c3%A9&a=", b"b=%C3%A9"
    token = sign("POST", path, query.encode(), body, issued=now, expires=now + 60)
    headers = {
        "X-Plugit-Context": token,
        "X-Plugitsession-City": "Zürich".encode(),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    with run_app(server, app, below=below) as running:
        connection = http.client.HTTPConnection(urlsplit(running.url).netloc, timeout=10)
        connection.request("POST", f"{below}{path}?{query}", body, headers)
        answer = connection.getresponse().read()
        connection.close()
        assert answer == rb'{"name":"\u00e9 ?","form":{"b":"\u00e9"},"session":{"city":"Z\u00fcrich"}}'
        token = sign("GET", "/action/go", issued=now, expires=now + 60)
        connection.request("GET", f"{below}/action/go", headers={"X-Plugit-Context": token})
        response = connection.getresponse()
        connection.close()
        assert response.headers["EbuIo-PlugIt-Redirect"].encode("latin-1").decode() == "/café"
        assert response.headers["EbuIo-PlugIt-SetSession-city"].encode("latin-1").decode() == "Zürich"
