"""Organization mode: which organization counts for a visitor, where it is chosen, what follows from it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from plugit_wsgi import Organization, Service, User
from plugit_wsgi.directory import StaticDirectory
from plugit_wsgi.page import Page
from plugit_wsgi.people import NO_RIGHTS, Membership, Rights
from plugit_wsgi.testing.fake_service import FakeService, Reply
from tests.integration.conftest import EBU, RTS, Host, MakeHost, Visitor
from tests.integration.test_subscriptions import claims, numbered

BBC = Organization("3", "BBC", "gbbbc")
SWITCH = "/s/x/ebuio_setOrga"
MODE = {"organizations": True}
ENDED = "You do not belong to the organization that you had chosen any more."


class Memberships(StaticDirectory):
    """A directory in which they change, of one user, for each service apart."""

    def __init__(self) -> None:
        super().__init__((), organizations=())
        self.of: dict[str, tuple[Membership, ...]] = {"x": (Membership(EBU, admin=True), Membership(RTS))}

    def visitor(
        self, user_id: str | None, service: str
    ) -> tuple[Rights, Sequence[Membership], Sequence[str]]:
        """See `Directory.visitor`."""
        return NO_RIGHTS, () if user_id is None else self.of.get(service, ()), ()


@pytest.fixture
def directory() -> Memberships:
    """The user administrates EBU and is a member of RTS."""
    return Memberships()


@pytest.fixture
def host(make_host: MakeHost, directory: Memberships, service: FakeService) -> Host:
    """A service with an open page of each kind; its frame is the bundled layout."""
    service.action("/", template="[{{ ebuio_orga.name }}]{% csrf_token %}", answer={"n": 1})
    service.action("/public", meta={"public": True}, template="for all", answer={"n": 1})
    service.action("/admin", meta={"only_orga_admin_user": True}, template="secret", answer={"n": 1})
    return make_host(of_service=MODE, directory=directory)


def choose(visitor: Visitor, organization: str, path: str = SWITCH, **more: str) -> Any:
    """As the form of the layout does."""
    base = path.rpartition("/")[0] + "/"
    form = {"organization": organization, "csrfmiddlewaretoken": visitor.token(base), **more}
    return visitor.post(path, data=form)


def parameters(service: FakeService) -> Mapping[str, str]:
    """Of the last call of an action."""
    query = service.called("/action")[-1].query
    return dict(item.split("=") for item in query.split("&") if item)


# Which one counts -------------------------------------------------------------------------


def test_rights_are_those_of_the_current_organization(host: Host, service: FakeService) -> None:
    """The first, until another is chosen; in the parameter, in the context and in the rules."""
    visitor = host.visitor("org")
    for name, organization, rights, status in (
        ("EBU", EBU, ["orga_member", "orga_admin"], 200),
        ("RTS", RTS, ["orga_member"], 403),
        ("EBU", EBU, ["orga_member", "orga_admin"], 200),
    ):
        assert choose(visitor, organization.id).status_code == 303
        assert visitor.get("/s/x/admin").status_code == status
        assert f"[{name}]" in visitor.get("/s/x/").text
        told = claims(service.called("/action")[-1])
        assert (told["org"]["id"], told["rights"]) == (organization.id, rights)
        assert parameters(service) == {"ebuio_orgapk": organization.id}


def test_each_service_has_a_choice_of_its_own(
    make_host: MakeHost, directory: Memberships, service: FakeService, serve: Any
) -> None:
    """And organizations of its own: those that the directory names for it."""
    directory.of["y"] = (Membership(EBU), Membership(BBC))
    service.action("/", template="[{{ ebuio_orga.name }}]{% csrf_token %}", answer={"n": 1})
    url = serve(service)
    host = make_host(of_service=MODE, directory=directory, also=(Service("y", url, **MODE),), url=url)
    visitor = host.visitor("org")
    choose(visitor, RTS.id)
    assert "[EBU]" in visitor.get("/s/y/").text
    assert choose(visitor, BBC.id, "/s/y/ebuio_setOrga").status_code == 303
    assert "[RTS]" in visitor.get("/s/x/").text
    assert "[BBC]" in visitor.get("/s/y/").text
    assert choose(visitor, BBC.id).status_code == 404
    assert "BBC" not in visitor.get("/s/x/").text


def test_the_choice_is_offered_in_the_frame(host: Host) -> None:
    """All that the visitor may choose from, and the current one is marked."""
    visitor = host.visitor("org")
    choose(visitor, RTS.id)
    text = visitor.get("/s/x/").text
    assert f'action="{SWITCH}"' in text
    assert '<option value="1">EBU</option><option value="2" selected>RTS</option>' in text


def test_an_organization_that_is_made_up_is_refused_and_logged(
    host: Host, service: FakeService, caplog: pytest.LogCaptureFixture
) -> None:
    """In the form of the switch; and where a service would look for it, nothing of a visitor arrives."""
    visitor = host.visitor("org")
    choose(visitor, RTS.id)
    with caplog.at_level(logging.INFO, "plugit_wsgi"):
        assert choose(visitor, BBC.id).status_code == 404
    assert "event=refused service=x kind=organization" in caplog.text
    assert "[RTS]" in visitor.get("/s/x/?ebuio_orgapk=3&EBUIO_orgapk=3").text
    assert parameters(service) == {"ebuio_orgapk": "2"}


def test_a_form_counts_for_the_organization_that_is_current_when_it_is_sent(
    host: Host, service: FakeService
) -> None:
    """Also if it was opened before, in another tab, for another one."""
    service.action("/add", answer=Reply(headers=(("EbuIo-PlugIt-Redirect", "/"),)))
    visitor = host.visitor("org")
    token = visitor.token("/s/x/")
    choose(visitor, RTS.id)
    form = {"csrfmiddlewaretoken": token, "text": "hello", "ebuio_orgapk": "1"}
    assert visitor.post("/s/x/add", data=form).status_code == 302
    body = service.called("/action/add")[-1].body
    assert b"ebuio_orgapk=2" in body
    assert b"ebuio_orgapk=1" not in body


# Without one ------------------------------------------------------------------------------


def test_who_belongs_to_none_is_told_what_to_do(
    host: Host, service: FakeService, directory: Memberships
) -> None:
    """On a page with the reason; the service is not asked for its action."""
    directory.of["x"] = ()
    answer = host.visitor("anna").get("/s/x/")
    assert answer.status_code == 403
    assert "<code>no_orga_in_orgamode</code>" in answer.text
    assert "ask the people who run this site to add you" in answer.text
    assert SWITCH not in answer.text
    assert service.called("/action") == []


@pytest.mark.parametrize("login_url", [None, "/login"])
@pytest.mark.parametrize("name", ["", "anna"])
def test_what_is_public_needs_none(
    make_host: MakeHost, service: FakeService, directory: Memberships, login_url: str | None, name: str
) -> None:
    """And no login either; nor is one made up."""
    directory.of["x"] = ()
    service.action("/public", meta={"public": True}, template="for all", answer={"n": 1})
    host = make_host(of_service=MODE, directory=directory, login_url=login_url)
    answer = host.visitor(name).get("/s/x/public")
    assert (answer.status_code, "for all" in answer.text) == (200, True)
    assert (parameters(service), claims(service.called("/action")[-1])["org"]) == ({}, None)


def test_public_lifts_no_other_rule(host: Host, service: FakeService, directory: Memberships) -> None:
    """Only the need of an organization."""
    meta = {"public": True, "only_orga_member_user": True}
    service.action("/both", meta=meta, template="secret", answer={"n": 1})
    directory.of["x"] = ()
    answer = host.visitor("anna").get("/s/x/both")
    assert (answer.status_code, "<code>only_orga_member_user</code>" in answer.text) == (403, True)


def test_nobody_is_sent_to_the_login(make_host: MakeHost, service: FakeService) -> None:
    """Where an organization is needed: who it is decides."""
    service.action("/", template="x")
    answer = make_host(of_service=MODE, login_url="/login").visitor().get("/s/x/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/login?next=/s/x/")


# A membership ends ------------------------------------------------------------------------


def test_rights_end_with_the_membership(host: Host, service: FakeService, directory: Memberships) -> None:
    """The first of the others takes its place, and what was kept for the old one is not shown."""
    directory.of["x"] = (Membership(RTS), Membership(EBU, admin=True))
    meta = {"only_orga_admin_user": True, "cache_time": 600}
    service.action(
        "/kept", meta=meta, template="kept {{ n }} for {{ ebuio_orga.name }} {{ said }}", answer=numbered()
    )
    visitor = host.visitor("org")
    choose(visitor, EBU.id)
    assert "kept 1 for EBU secret" in visitor.get("/s/x/kept").text
    directory.of["x"] = (Membership(RTS),)
    for path in ("/s/x/kept", "/s/x/admin"):
        answer = visitor.get(path)
        assert (answer.status_code, "secret" in answer.text) == (403, False)
    assert "[RTS]" in visitor.get("/s/x/").text
    told = claims(service.called("/action")[-1])
    assert (told["org"]["id"], told["rights"]) == ("2", ["orga_member"])
    directory.of["x"] = (Membership(RTS, admin=True),)
    assert "kept 2 for RTS secret" in visitor.get("/s/x/kept").text


def test_a_right_that_ends_ends_at_once(host: Host, directory: Memberships) -> None:
    """The organization stays the current one."""
    visitor = host.visitor("org")
    choose(visitor, EBU.id)
    assert visitor.get("/s/x/admin").status_code == 200
    directory.of["x"] = (Membership(RTS), Membership(EBU))
    assert visitor.get("/s/x/admin").status_code == 403
    assert "[EBU]" in visitor.get("/s/x/").text


def test_a_page_says_once_that_the_membership_has_ended(
    host: Host, service: FakeService, directory: Memberships
) -> None:
    """A page that is seen: no picture on it, and no answer without a frame."""
    service.answer("/media/a.png", Reply(body=b"png", content_type="image/png"))
    service.action("/json", meta={"json_only": True}, answer={"n": 1})
    visitor = host.visitor("org")
    choose(visitor, RTS.id)
    assert ENDED not in visitor.get("/s/x/").text
    directory.of["x"] = (Membership(EBU),)
    for path in ("/s/x/media/a.png", "/s/x/json"):
        assert visitor.get(path).status_code == 200
    for path, status in (("/s/x/", 200), ("/s/x/ebuio_x", 404)):
        assert visitor.open(path, method="HEAD").status_code == status
    assert f"{ENDED} This page is for EBU." in visitor.get("/s/x/").text
    assert ENDED not in visitor.get("/s/x/").text
    directory.of["x"] = (Membership(EBU), Membership(RTS))
    assert "[EBU]" in visitor.get("/s/x/").text


def test_values_of_the_service_outlive_the_choice(
    host: Host, service: FakeService, directory: Memberships
) -> None:
    """What it stored for the visitor is not lost when the page says so; nor what it stores with that page."""
    stored = {
        name: Reply(headers=((f"EbuIo-PlugIt-SetSession-{name}", "1"),), body={"n": 1}) for name in "ab"
    }
    visitor = host.visitor("org")
    choose(visitor, RTS.id)
    service.action("/", template="x {% csrf_token %}", answer=stored["a"])
    visitor.get("/s/x/")
    directory.of["x"] = (Membership(EBU),)
    service.action("/", template="x {% csrf_token %}", answer=stored["b"])
    assert ENDED in visitor.get("/s/x/").text
    assert ENDED not in visitor.get("/s/x/").text
    headers = service.called("/action")[-1].headers
    assert (headers["x-plugitsession-a"], headers["x-plugitsession-b"]) == ("1", "1")


def test_who_belongs_to_none_any_more_is_told_both(host: Host, directory: Memberships) -> None:
    """That it has ended, and what to do."""
    visitor = host.visitor("org")
    choose(visitor, RTS.id)
    directory.of["x"] = ()
    text = visitor.get("/s/x/").text
    assert ENDED in text
    assert "This page is for" not in text
    assert "<code>no_orga_in_orgamode</code>" in text


def test_a_layout_of_the_host_is_told(
    make_host: MakeHost, service: FakeService, directory: Memberships
) -> None:
    """By a field of the page."""

    def layout(page: Page, _request: Any) -> str:
        return f"{page.organization_ended} {page.organization and page.organization.name}"

    service.action("/", template="{% csrf_token %}", answer={"n": 1})
    visitor = make_host(of_service=MODE, directory=directory, layout=layout).visitor("org")
    choose(visitor, RTS.id)
    assert visitor.get("/s/x/").text == "False RTS"
    directory.of["x"] = (Membership(EBU),)
    assert [visitor.get("/s/x/").text for _ in range(2)] == ["True EBU", "False EBU"]


def test_it_is_said_around_the_frame_of_a_sandbox(
    make_host: MakeHost, service: FakeService, directory: Memberships
) -> None:
    """Not in it, where nothing is kept."""
    service.action("/", template="x", answer={"n": 1})
    options = {**MODE, "sandbox": True}
    visitor = make_host(of_service=options, directory=directory).visitor("org")
    choose(visitor, RTS.id)
    directory.of["x"] = (Membership(EBU),)
    assert ENDED not in visitor.get("/s/x/ebuio_frame/").text
    assert ENDED in visitor.get("/s/x/").text
    assert ENDED not in visitor.get("/s/x/").text


def test_without_a_directory_the_user_says(make_host: MakeHost, service: FakeService) -> None:
    """As with rights."""
    service.action("/", template="[{{ ebuio_orga.name }}]{% csrf_token %}", answer={"n": 1})
    people = [User("7", memberships=(Membership(EBU), Membership(RTS)))]
    visitor = make_host(of_service=MODE, identify=lambda _request: people[0]).visitor("any")
    choose(visitor, RTS.id)
    assert "[RTS]" in visitor.get("/s/x/").text
    people[0] = User("7", memberships=(Membership(EBU),))
    assert "[EBU]" in visitor.get("/s/x/").text
