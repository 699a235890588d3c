"""A service written with this project's SDK behind the original Django proxy."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

import pytest

from tests.interop.processes import HERE, Process
from tests.interop.visitor import Visitor
from tests.support.servers import run_app

USERS = ("ano", "log", "mem", "adm")


@pytest.fixture(scope="module")
def service_url() -> Iterator[str]:
    """The service of ``sdk_service/``, in a process of its own.

    Not under Werkzeug's server: the original proxy hangs up on answers it does not need, and that server
    then forgets to close them.
    """
    with run_app("cheroot", HERE / "sdk_service" / "wsgi.py", validate=False) as service:
        yield service.url


@pytest.fixture
def browse(original_proxy: Callable[..., Process], service_url: str) -> Callable[..., Visitor]:
    """``browse("mem")``: a browser of that user at the original proxy."""
    proxy = original_proxy(service_url)
    return lambda mode="ano": Visitor(proxy.url, "/plugIt").become(mode)


Browse = Callable[..., Visitor]


def test_a_page(browse: Browse) -> None:
    """In the proxy's layout, the menu in its place, everything outside ASCII right."""
    answer = browse().get("/")
    assert answer.status == 200
    assert 'data-layout="original"' in answer.text
    assert answer.element("greeting") == "Grüezi, Ελλάδα &amp; &lt;b&gt;łódź&lt;/b&gt;"
    assert answer.text.count('class="item"') == 2
    assert "Menü" in answer.element("menu")


def test_values_of_path_and_user(browse: Browse) -> None:
    """Placeholders of the route, and the fields the action wishes."""
    answer = browse("adm").get("/show/7/gr%C3%B6%C3%9Fer")
    assert answer.element("shown") == "7 größer"
    assert answer.element("user") == "Admin True"
    assert answer.element("seen") == "Admin"


def test_an_unknown_path(browse: Browse) -> None:
    """404."""
    assert browse().get("/nothing/here").status == 404
    assert browse().get("/show/seven/x").status == 404


def test_a_form(browse: Browse) -> None:
    """There and back."""
    visitor = browse("log")
    fields = [("name", "Zoë & <i>"), ("choice[]", "b"), ("choice[]", "a")]
    answer = visitor.post("/form/", [("csrfmiddlewaretoken", visitor.token()), *fields])
    assert (answer.status, answer.element("name")) == (200, "Zoë &amp; &lt;i&gt;")
    assert answer.element("choices").split() == ["b", "a"]


def test_an_upload(browse: Browse) -> None:
    """One file of each field is what the original proxy passes on."""
    visitor = browse("mem")
    content = bytes(range(256)) * 4096
    fields = [("csrfmiddlewaretoken", visitor.token()), ("note", "Notiz")]
    answer = visitor.upload("/upload/", fields, [("f", "data.bin", "application/x-own", content)])
    assert answer.element("note") == "Notiz"
    assert f"f|data.bin|{hashlib.sha256(content).hexdigest()}" in answer.text


def test_query_and_method(browse: Browse) -> None:
    """Repeated keys arrive; PUT does."""
    visitor = browse()
    assert visitor.get("/echo/?a=1&a=2&b=").json() == {
        "method": "GET",
        "args": [["a", "1"], ["a", "2"], ["b", ""]],
    }
    token = {"X-CSRFToken": visitor.token()}
    assert visitor.send("PUT", "/echo/", headers=token).json()["method"] == "PUT"


def test_user_fields(browse: Browse) -> None:
    """As the proxy writes them."""
    assert browse("mem").get("/user/").json() == {
        "ebuio_u_pk": "-2",
        "ebuio_u_username": "Member",
        "ebuio_u_email": "memeber@plugit-standalone.ebuio",
        "ebuio_u_ebuio_member": "True",
        "ebuio_u_ebuio_admin": "False",
        "ebuio_u_ebuio_orga_member": "True",
    }


def test_the_organization(original_proxy: Callable[..., Process], service_url: str) -> None:
    """In organization mode."""
    visitor = Visitor(original_proxy(service_url, organizations=True).url, "/plugIt").become("mem")
    assert visitor.get("/orga/").json() == {"orga": "-1"}
    visitor.get("/ebuio_setOrga?name=RTS&pk=-2")
    assert visitor.get("/orga/").json() == {"orga": "-2"}


def test_a_session(browse: Browse) -> None:
    """Set, and read with the next request; one visitor's."""
    visitor = browse()
    assert visitor.get("/session/set/colour/blue").status == 200
    assert visitor.get("/session/get").json() == {"session": {"colour": "blue"}}
    assert browse().get("/session/get").json() == {"session": {}}


def test_redirects(browse: Browse) -> None:
    """Below the mount, and elsewhere on the host."""
    visitor = browse()
    assert (visitor.get("/go").header("Location") or "").endswith("/plugIt/form/")
    assert (visitor.get("/go/host").header("Location") or "").removeprefix(visitor.origin) == "/elsewhere"


def test_files(browse: Browse) -> None:
    """Shown, and downloaded under its name."""
    shown = browse().get("/file/inline")
    assert (shown.status, shown.text) == (200, "Eine Notiz: größer als ASCII.\n")
    assert (shown.header("Content-Type") or "").startswith("text/plain")
    saved = browse().get("/file/attachment")
    assert saved.text == "Zahlen;Größen\n"
    assert "attachment" in (saved.header("Content-Disposition") or "")
    assert "table.csv" in (saved.header("Content-Disposition") or "")


def test_media(browse: Browse) -> None:
    """From the folder `media/`, and nothing from outside of it."""
    answer = browse().get("/media/note.txt")
    assert (answer.status, answer.text) == (200, "Eine Notiz: größer als ASCII.\n")
    assert browse().get("/media/none.txt").status == 404
    assert browse().get("/media/..%2Factions.py").status == 404


def test_json_and_xml(browse: Browse) -> None:
    """The answer itself."""
    answer = browse().get("/json/", {"Accept": "application/json"})
    assert (answer.header("Content-Type") or "").startswith("application/json")
    assert answer.json() == {"text": "Größe", "list": [1, None, True]}
    xml = browse().get("/xml/")
    assert ((xml.header("Content-Type") or ""), xml.text) == ("application/xml", "<größe/>")


def test_a_fragment_without_layout(browse: Browse) -> None:
    """The rendered template alone."""
    assert browse().get("/bare/").text.strip() == '<div id="bare">nackt /plugIt/</div>'


def test_cors(browse: Browse) -> None:
    """Pre-flight and answer."""
    asked = {"Origin": "https://friend.example", "Access-Control-Request-Method": "PUT"}
    preflight = browse().send("OPTIONS", "/cors/", headers=asked)
    assert preflight.status == 200
    assert preflight.header("Access-Control-Allow-Origin") == "https://friend.example"
    assert preflight.header("Access-Control-Allow-Methods") == "GET, PUT"
    assert preflight.header("Access-Control-Allow-Headers") == "X-TOKEN"
    answer = browse().get("/cors/", {"Origin": "https://friend.example"})
    assert answer.header("Access-Control-Allow-Origin") == "https://friend.example"
    assert answer.json() == {"method": "GET"}


def test_etag(browse: Browse) -> None:
    """Sent, not part of the data, and honoured."""
    first = browse().get("/etag/")
    assert (first.header("ETag"), first.json()) == ('"v1"', {"word": "etag"})
    assert browse().get("/etag/", {"If-None-Match": '"v1"'}).status == 304


def test_caches(browse: Browse) -> None:
    """One call for all; one for each user."""
    assert browse("log").get("/cached/").element("count") == browse("adm").get("/cached/").element("count")
    log, adm = browse("log").get("/cached/by-user"), browse("adm").get("/cached/by-user")
    assert log.element("count") != adm.element("count")


@pytest.mark.parametrize(("status", "seen"), [(404, 404), (403, 403), (401, 401), (429, 429), (500, 500)])
def test_statuses_that_the_original_knows(browse: Browse, status: int, seen: int) -> None:
    """The others become 404 there."""
    assert browse().get(f"/status/{status}").status == seen


RULES = {
    "/only/logged": ({"log", "mem", "adm"}, "only_logged_user"),
    "/only/member": ({"mem", "adm"}, "only_member_user"),
    "/only/admin": ({"adm"}, "only_admin_user"),
    "/only/orga-member": ({"mem", "adm"}, "only_orga_member_user"),
    "/only/orga-admin": ({"adm"}, "only_orga_admin_user"),
    "/only/here": (set(USERS), "address_in_networks"),
    "/only/elsewhere": (set(), "address_in_networks"),
    "/only/public": (set(USERS), ""),
}


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("path", RULES)
def test_each_rule_with_each_user(browse: Browse, path: str, user: str) -> None:
    """The proxy understands the rules our SDK announces."""
    allowed, rule = RULES[path]
    answer = browse(user).get(path)
    if user in allowed:
        assert answer.status == 200
        assert answer.element("shown").startswith("shown to ")
    else:
        assert (answer.status, answer.element("reason")) == (403, rule)


def test_the_service_holds_a_rule_that_the_proxy_does_not_know(browse: Browse) -> None:
    """The proxy is asked for the labels, and keeps nothing: it would show the page of one to all."""
    assert browse().get("/only/subscription").element("reason") == "only_logged_user"
    for user, status in (("mem", 200), ("adm", 403), ("mem", 200), ("log", 403), ("ano", 403)):
        assert browse(user).get("/only/subscription").status == status


def test_the_sdks_client_speaks_with_the_originals_api(browse: Browse) -> None:
    """`PlugItAPI` reads users, organizations and members of the original stand-alone host."""
    visitor = browse()
    answer = visitor.get(f"/callback/?api={visitor.origin}/plugIt/ebuio_api/").json()
    assert answer == {
        "friend": "Member",
        "orga": "RTS",
        "orgas": ["EBU", "RTS", "BBC", "CNN"],
        "members": ["Logged", "Member", "Admin"],
    }
