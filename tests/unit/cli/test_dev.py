"""The development host: its people, switches, API and page; both modes; as an app and as a command."""

from __future__ import annotations

import http.client
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.support.servers import run_command
from tests.unit.cli.client import Visitor

from plugit_wsgi.cli.dev import create_app
from plugit_wsgi.errors import ConfigError
from plugit_wsgi.testing.fake_service import FakeService, Reply

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

FIELDS = ("pk", "username", "first_name", "last_name", "email", "ebuio_member", "ebuio_admin")
ORGANIZATION_FIELDS = ("ebuio_orga_member", "ebuio_orga_admin")
EVERYBODY = {
    "ano": (None, None, None, None, None, "False", "False"),
    "log": ("-1", "Logged", "Logged", "Hector", "logeedin@plugit-standalone.ebuio", "False", "False"),
    "mem": ("-2", "Member", "Member", "Luc", "memeber@plugit-standalone.ebuio", "True", "False"),
    "adm": ("-3", "Admin", "Admin", "Charles", "admin@plugit-standalone.ebuio", "True", "True"),
}
TEMPLATE = (
    "<p id=who>{{ ebuio_userMode }}|{{ ebuio_realUsers }}|{{ ebuio_u.username }}|"
    "{{ ebuio_orga.name }}/{{ ebuio_orga.ebu_codops }}|{{ ebuio_baseUrl }}</p>"
    "<form action='{{ ebuio_baseUrl }}' method=post>{% csrf_token %}</form>"
)


@pytest.fixture
def service() -> FakeService:
    """A service with a page that tells what it was told."""
    fake = FakeService()
    fake.action("/", meta={"user_info": [*FIELDS, *ORGANIZATION_FIELDS]}, template=TEMPLATE)
    fake.action("/members", meta={"only_member_user": True}, template="for members")
    return fake


@pytest.fixture
def open_host(service: FakeService, serve: Callable[[WSGIApplication], str]) -> Callable[..., Visitor]:
    """Makes a visitor of a development host in front of the service."""
    url = serve(service)
    return lambda *arguments, **options: Visitor(create_app(url, *arguments, **options))


def who(visitor: Visitor, page: str = "/s/app/") -> str:
    """What the template was given."""
    return visitor.get(page).text.partition("<p id=who>")[2].partition("</p>")[0]


def told(service: FakeService) -> dict[str, str]:
    """The fields of the visitor that the last action was told."""
    found = parse_qs(service.called("/action/")[-1].query)
    return {name.removeprefix("ebuio_u_"): values[0] for name, values in found.items()}


@pytest.mark.parametrize("mode", EVERYBODY)
def test_the_four_users(open_host: Callable[..., Visitor], service: FakeService, mode: str) -> None:
    """Exactly those of the protocol; the flags for the organization equal the others."""
    visitor = open_host()
    assert visitor.get(f"/s/app/ebuio_setUser?mode={mode}").status_code == 200
    assert visitor.get("/s/app/").status_code == 200
    expected = {name: value for name, value in zip(FIELDS, EVERYBODY[mode], strict=True) if value is not None}
    expected["ebuio_orga_member"], expected["ebuio_orga_admin"] = EVERYBODY[mode][-2:]
    assert told(service) == expected


@pytest.mark.parametrize("mode", EVERYBODY)
def test_organization_mode(open_host: Callable[..., Visitor], service: FakeService, mode: str) -> None:
    """Everybody has an organization, nobody too; EBU until another is chosen."""
    visitor = open_host(organizations=True)
    visitor.get(f"/s/app/ebuio_setUser?mode={mode}")
    assert "|EBU/zzebu|" in who(visitor)
    found = told(service)
    assert found["ebuio_orgapk"] == "-1"
    assert (found["ebuio_orga_member"], found["ebuio_orga_admin"]) == EVERYBODY[mode][-2:]


def test_begins_with_nobody(open_host: Callable[..., Visitor]) -> None:
    """As the original."""
    assert who(open_host()) == "ano|False||/|/s/app/"


def test_templates_learn_the_mode(open_host: Callable[..., Visitor]) -> None:
    """`ebuio_userMode`, and that the users are not real."""
    visitor = open_host()
    visitor.get("/s/app/ebuio_setUser?mode=adm")
    assert who(visitor).startswith("adm|False|Admin|")


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("name=RTS&pk=-2", "RTS/chrts"),
        ("pk=-3", "BBC/gbbbc"),
        ("name=Wrong&pk=-4", "CNN/uscnn"),
        ("name=Radio+%26+Co&pk=77", "Radio &amp; Co/"),
    ],
)
def test_the_organization_by_get(open_host: Callable[..., Visitor], query: str, shown: str) -> None:
    """Any, as in the original; the four known ones keep their names and codops, whatever is said."""
    visitor = open_host(organizations=True)
    assert visitor.get(f"/s/app/ebuio_setOrga?{query}").status_code == 200
    assert f"|{shown}|" in who(visitor)


def test_the_organization_survives_a_change_of_user(open_host: Callable[..., Visitor]) -> None:
    """They are two choices."""
    visitor = open_host(organizations=True)
    visitor.get("/s/app/ebuio_setOrga?pk=-2")
    visitor.get("/s/app/ebuio_setUser?mode=mem")
    assert who(visitor).startswith("mem|False|Member|RTS/")


@pytest.mark.parametrize(
    "target", ["ebuio_setUser", "ebuio_setUser?mode=", "ebuio_setUser?mode=%FF", "ebuio_setOrga?name=RTS"]
)
def test_choices_that_do_not_exist(open_host: Callable[..., Visitor], target: str) -> None:
    """A sentence, and nothing changes; the original broke."""
    visitor = open_host(organizations=True)
    answer = visitor.get(f"/s/app/{target}")
    assert answer.status_code == 400
    assert answer.content_type.startswith("text/plain")
    assert "Set-Cookie" not in answer.headers
    assert who(visitor) == "ano|False||EBU/zzebu|/s/app/"


@pytest.mark.parametrize(
    "cookie", ["", "mode=root", "pk=", "%00", "mode=mem&mode=adm", "\xff=\xfe", "a" * 5000]
)
def test_a_spoilt_cookie_is_none(open_host: Callable[..., Visitor], cookie: str) -> None:
    """Whatever another program left there."""
    visitor = open_host(organizations=True)
    answer = visitor.get("/s/app/", headers={"Cookie": f"plugit-dev={cookie}"})
    assert answer.status_code == 200
    assert "|EBU/zzebu|" in answer.text


def test_the_switches_of_the_page(open_host: Callable[..., Visitor]) -> None:
    """They post a token, and lead back to where the visitor was."""
    visitor = open_host(organizations=True)
    answer = visitor.submit("/s/app/members?a=b", "/s/app/ebuio_setUser", mode="mem")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/s/app/members?a=b")
    answer = visitor.submit("/s/app/", "/s/app/ebuio_setOrga", pk="-3")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/s/app/")
    assert who(visitor).startswith("mem|False|Member|BBC/gbbbc")
    assert '<option value="mem" selected>Member</option>' in visitor.get("/s/app/").text


def test_no_switch_of_organizations_without_them(open_host: Callable[..., Visitor]) -> None:
    """And none of the layout's own, which would be a second one."""
    assert "ebuio_setOrga" not in open_host().get("/s/app/").text
    assert open_host(organizations=True).get("/s/app/").text.count("ebuio_setOrga") == 1


@pytest.mark.parametrize("data", [{"mode": "adm"}, {"mode": "adm", "csrfmiddlewaretoken": "x"}])
def test_a_post_without_the_token_changes_nothing(
    open_host: Callable[..., Visitor], data: dict[str, str]
) -> None:
    """Forms of other sites have none."""
    visitor = open_host()
    assert visitor.post("/s/app/ebuio_setUser", data=data).status_code == 403
    assert who(visitor).startswith("ano|")


def test_another_site_changes_nothing_with_the_token_either(open_host: Callable[..., Visitor]) -> None:
    """The browser says where a form comes from."""
    visitor = open_host()
    token = visitor.get("/").text.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    data = {"mode": "adm", "csrfmiddlewaretoken": token}
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        assert visitor.post("/s/app/ebuio_setUser", data=data, headers=headers).status_code == 403
    assert visitor.post("/s/app/ebuio_setUser", data=data).status_code == 303


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example", "evil"])
def test_the_way_back_stays_on_the_host(open_host: Callable[..., Visitor], target: str) -> None:
    """Else the switch were an open redirect."""
    visitor = open_host()
    answer = visitor.submit("/s/app/", "/s/app/ebuio_setUser", mode="mem", next=target)
    assert answer.headers["Location"] == "/s/app/"


def test_rules_hold(open_host: Callable[..., Visitor], service: FakeService) -> None:
    """The switch is there on a page that refuses, too: that is where it is needed."""
    visitor = open_host()
    refused = visitor.get("/s/app/members")
    assert refused.status_code == 403
    assert "ebuio_setUser" in refused.text
    assert service.called("/action/members") == []
    visitor.get("/s/app/ebuio_setUser?mode=mem")
    assert "for members" in visitor.get("/s/app/members").text


def test_forms_of_the_service_work(open_host: Callable[..., Visitor], service: FakeService) -> None:
    """With the token of their template."""
    visitor = open_host()
    page = visitor.get("/s/app/").text.partition("method=post>")[2]
    token = page.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    answer = visitor.post("/s/app/", data={"a": "b", "csrfmiddlewaretoken": token})
    assert answer.status_code == 200
    assert b"a=b" in service.called("/action/")[-1].body


def test_pages_mode(open_host: Callable[..., Visitor], service: FakeService) -> None:
    """The body is the fragment, the visitor comes in headers."""
    service.answer("/", Reply(body="<p id=proxied>hello</p>"))
    visitor = open_host(mode="pages", organizations=True)
    visitor.get("/s/app/ebuio_setUser?mode=mem")
    page = visitor.get("/s/app/").text
    assert "<p id=proxied>hello</p>" in page
    assert "ebuio_setUser" in page
    headers = service.called("/")[-1].headers
    assert headers["x-plugit-user-username"] == "Member"
    assert headers["x-plugit-orga-codops"] == "zzebu"


API = [
    ("user/-1", {"id": "-1", "pk": "-1", "first_name": "Logged", "ebuio_member": False}),
    ("user/-3", {"id": "-3", "username": "Admin", "ebuio_admin": True, "ebuio_orga_admin": True}),
    ("user/42", {"id": "42", "first_name": "Unknown", "last_name": "Other User", "username": "Logged"}),
    ("orga/-2", {"pk": "-2", "name": "RTS", "codops": "chrts"}),
]


@pytest.mark.parametrize(("path", "expected"), API)
def test_the_api_below_the_mount(
    open_host: Callable[..., Visitor], path: str, expected: dict[str, object]
) -> None:
    """Without a key: it is for the service on the same desk."""
    found = open_host().get(f"/s/app/ebuio_api/{path}").json
    assert found is not None
    assert {name: found[name] for name in expected} == expected


def test_the_api_lists(open_host: Callable[..., Visitor]) -> None:
    """Three users, four organizations."""
    visitor = open_host()
    members = visitor.get("/s/app/ebuio_api/members/").json["members"]  # type: ignore[index]
    assert [member["id"] for member in members] == ["-1", "-2", "-3"]
    organizations = visitor.get("/s/app/ebuio_api/orgas/").json["data"]  # type: ignore[index]
    assert [item["codops"] for item in organizations] == ["zzebu", "chrts", "gbbbc", "uscnn"]


@pytest.mark.parametrize("path", ["user/-4", "user/abc", "user/\u0663", "orga/-5", "nothing"])
def test_the_api_knows_nobody_else(open_host: Callable[..., Visitor], path: str) -> None:
    """404."""
    assert open_host().get(f"/s/app/ebuio_api/{path}").status_code == 404


def test_mail_goes_into_the_log(open_host: Callable[..., Visitor], caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is sent from a desk."""
    caplog.set_level("INFO", "plugit_wsgi.mail")
    data = {"sender": "a@example.org", "dests": "b@example.org", "subject": "Hello", "message": "there"}
    answer = open_host().post("/s/app/ebuio_api/mail/", data=data)
    assert (answer.status_code, answer.json) == (200, {})
    assert "to b@example.org: Hello" in caplog.text


def test_any_path(open_host: Callable[..., Visitor]) -> None:
    """Also one that is no UTF-8; the switch leads back there."""
    # The client would make UTF-8 of it.
    environ = {"PATH_INFO": "/s/app/\xff", "QUERY_STRING": "%FE=%FD"}
    page = open_host().get("/", environ_overrides=environ)
    assert page.status_code == 404
    assert 'name="next" value="/s/app/%FF?%FE=%FD"' in page.text


@pytest.mark.parametrize("mount", ["/plugIt", "/s", "/a/b/c", "/s/app/"])
def test_any_mount(open_host: Callable[..., Visitor], mount: str) -> None:
    """The original's, for one."""
    visitor = open_host(mount)
    below = mount.rstrip("/")
    visitor.get(f"{below}/ebuio_setUser?mode=mem")
    assert who(visitor, f"{below}/").endswith(f"Member|/|{below}/")
    assert visitor.get(f"{below}/ebuio_api/user/-1").status_code == 200


def test_below_a_script_name(open_host: Callable[..., Visitor]) -> None:
    """A server may run it anywhere."""
    visitor = open_host()
    page = visitor.get("/s/app/", base_url="http://localhost/desk").text
    assert 'action="/desk/s/app/ebuio_setUser"' in page
    assert "|/desk/s/app/</p>" in page
    assert 'href="http://localhost/desk/s/app/"' in visitor.get("/", base_url="http://localhost/desk").text
    environ = {"SCRIPT_NAME": "/\xe2\x82\xac \xff"}
    page = visitor.get("/s/app/", environ_overrides=environ).text
    assert 'action="/%E2%82%AC%20%FF/s/app/ebuio_setUser"' in page
    assert visitor.get("/", environ_overrides=environ).status_code == 200


def test_its_own_page(open_host: Callable[..., Visitor]) -> None:
    """What runs, and a link."""
    visitor = open_host(organizations=True)
    page = visitor.get("/")
    assert page.status_code == 200
    assert 'href="http://localhost/s/app/"' in page.text
    assert "None yet." in page.text
    assert visitor.get("/nothing").status_code == 404


def test_the_inspector_shows_the_last_calls(open_host: Callable[..., Visitor]) -> None:
    """Newest first, escaped, at most twenty."""
    visitor = open_host()
    visitor.get("/s/app/members")
    visitor.get("/s/app/%3Cb%3E")
    table = visitor.get("/").text.partition('id="calls"')[2]
    assert (
        table.index("/%3Cb%3E") < table.index("403, only_member_user") < table.index("/members</td><td>200")
    )
    assert "<b>" not in table
    for _ in range(30):
        visitor.get("/s/app/members")
    assert visitor.get("/").text.partition('id="calls"')[2].partition("</tbody>")[0].count("<tr") == 21


def test_the_classic_layout(open_host: Callable[..., Visitor]) -> None:
    """Bootstrap 3.4, for services of its time; chosen on the page of the host."""
    visitor = open_host()
    assert "bootstrap-5" in visitor.get("/s/app/").text
    assert visitor.submit("/", "/s/app/ebuio_setLayout").status_code == 303
    assert "bootstrap-3.4" in visitor.get("/s/app/").text
    visitor.submit("/", "/s/app/ebuio_setLayout")
    assert "bootstrap-5" in visitor.get("/s/app/").text


def test_a_service_that_is_down_is_a_page() -> None:
    """The host starts without it."""
    visitor = Visitor(create_app("http://127.0.0.1:1"))
    answer = visitor.get("/s/app/")
    assert answer.status_code == 502
    assert "ebuio_setUser" in answer.text
    assert "ServiceUnreachable" in visitor.get("/").text


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"url": "nowhere"}, "url"),
        ({"mount": "app"}, "mount"),
        ({"mount": "/a/../b"}, "mount"),
        ({"mode": "both"}, "mode"),
        ({"organizations": "yes"}, "organizations"),
    ],
)
def test_wrong_arguments_die_at_construction(options: dict[str, str], field: str) -> None:
    """With the field."""
    with pytest.raises(ConfigError) as caught:
        create_app(**{"url": "http://127.0.0.1:5000", **options})  # type: ignore[arg-type]
    assert caught.value.field.endswith(field)


def test_http_without_tls_is_fine_off_the_loopback() -> None:
    """A service in a container; everything here is invented."""
    assert callable(create_app("http://service.example:5000"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_serves_until_a_signal(
    service: FakeService, serve: Callable[[WSGIApplication], str], number: signal.Signals
) -> None:
    """It says where once it listens, with the port it got, and ends with 0."""
    command = [sys.executable, "-m", "plugit_wsgi.cli", "dev", serve(service), "--port", "0"]
    with run_command([*command, "--mount", "/plugIt", "--organizations"], ready="Serving ") as running:
        assert running.url.endswith("/plugIt")
        parts = urlsplit(running.url)
        assert parts.hostname == "127.0.0.1"
        connection = http.client.HTTPConnection(parts.netloc, timeout=10)
        connection.request("GET", "/plugIt/")
        body = connection.getresponse().read()
        connection.close()
        assert b"|EBU/zzebu|/plugIt/" in body
        running.process.send_signal(number)
        assert running.process.wait(10) == 0
        assert "Traceback" not in running.output()


def test_who_is_logged_in_has_the_labels_that_were_named(
    open_host: Callable[..., Visitor], service: FakeService
) -> None:
    """So pages for subscribers can be seen, and so can their refusal; the API tells them too."""
    service.action("/paid", meta={"only_subscription": ["gold"]}, template="for subscribers")
    for labels, status in ((["silver", "gold"], 200), (["silver"], 403), ([], 403)):
        visitor = open_host(labels=labels)
        assert visitor.get("/s/app/paid").status_code == 403
        visitor.get("/s/app/ebuio_setUser?mode=log")
        assert visitor.get("/s/app/paid").status_code == status
        assert visitor.get("/s/app/ebuio_api/subscriptions/-1").json == labels
