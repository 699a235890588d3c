"""Each access rule of a service of the original, tried by each of the four users of the stand-alone mode."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.interop.processes import Process
from tests.interop.visitor import Visitor

Browse = Callable[..., Visitor]

#: action: users who get in, and the meta key that keeps the others out
RULES = {
    "/only/logged": ({"log", "mem", "adm"}, "only_logged_user"),
    "/only/member": ({"mem", "adm"}, "only_member_user"),
    "/only/admin": ({"adm"}, "only_admin_user"),
    "/only/orga-member": ({"mem", "adm"}, "only_orga_member_user"),
    "/only/orga-admin": ({"adm"}, "only_orga_admin_user"),
    "/only/here": ({"ano", "log", "mem", "adm"}, "address_in_networks"),
    "/only/elsewhere": (set(), "address_in_networks"),
    "/only/public": ({"ano", "log", "mem", "adm"}, "public"),
    "/secret": ({"adm"}, "only_admin_user"),
    "/file/member": ({"mem", "adm"}, "only_member_user"),
    "/cached/private": ({"mem", "adm"}, "only_member_user"),
    "/plain/": ({"ano", "log", "mem", "adm"}, ""),
}
USERS = ("ano", "log", "mem", "adm")


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("path", RULES)
def test_each_rule_with_each_user(browse: Browse, original_service: Process, path: str, user: str) -> None:
    """Who is refused gets a 403 page with the rule's name, and the action is not called."""
    allowed, rule = RULES[path]
    answer = browse(user).get(path)
    if user in allowed:
        assert answer.status == 200
        original_service.only_call("/action" + path)
    else:
        assert answer.status == 403
        assert rule in answer.text
        assert not original_service.calls("/action/")
        assert not original_service.calls("/template/")


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("path", ["/only/member", "/secret"])
def test_rules_hold_for_every_method(
    browse: Browse, original_service: Process, path: str, method: str
) -> None:
    """No method is a way around them."""
    assert browse("log").send(method, path).status == 403
    assert not original_service.calls("/action/")


@pytest.mark.parametrize(
    "path",
    [
        "/media/..%2Faction%2Fsecret",
        "/media/../action/secret",
        "/media/%2e%2e/action/secret",
        "/media/..%5Caction%5Csecret",
        "/plain/..%2Fsecret",
        "/plain/%2e%2e/secret",
        "//secret",
        "/%2Fsecret",
        "/secret%3Fa=1",
        "/secret%00",
        "/secret%0A",
        "/secret%23",
        "/secret;a=1",
        "/secret%3Ba=1",
        "/./secret",
        "/secret/",
        "/SECRET",
    ],
)
def test_no_spelling_leads_around_a_rule(browse: Browse, original_service: Process, path: str) -> None:
    """The path the rules saw is the path that is called (the original gave the secret away through media)."""
    visitor = browse("mem")
    answer = visitor.get(path)
    assert answer.status in (308, 400, 403, 404)
    assert "Sesam" not in answer.text
    for call in original_service.calls("/action/"):
        assert "secret" not in call.path.lower()


def test_a_cached_page_is_not_shown_to_who_may_not_see_it(browse: Browse) -> None:
    """Rules come before the cache."""
    assert browse("mem").get("/cached/private").status == 200
    assert browse("log").get("/cached/private").status == 403


def test_anonymous_visitors_of_an_organization_service_see_public_pages_only(browse_orga: Browse) -> None:
    """`public` lifts the need for an organization, and nothing else does."""
    assert browse_orga("mem").get("/plain/").status == 200
    assert browse_orga("ano").get("/only/public").status == 200
