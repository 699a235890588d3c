"""Protocol section 5: what our host keeps of a service of the original, and for whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from plugit_wsgi import PlugItMiddleware, Service
from tests.interop.processes import Process
from tests.interop.visitor import Visitor

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

Browse = Callable[..., Visitor]


def count(visitor: Visitor, path: str) -> str:
    """The number the page shows: how often its action was called until now."""
    answer = visitor.get(path)
    assert answer.status == 200
    return answer.element("count")


@pytest.mark.parametrize("path", ["/cached/all", "/cached/shared"])
def test_a_cached_page_is_shared(browse: Browse, path: str) -> None:
    """`cache_by_user` absent or false, no rule: one call for everybody."""
    assert count(browse("log"), path) == count(browse("adm"), path) == count(browse("ano"), path)


def test_a_page_cached_by_user(browse: Browse) -> None:
    """One call for each user."""
    log, adm = browse("log"), browse("adm")
    assert count(log, "/cached/by-user") == count(browse("log"), "/cached/by-user")
    assert count(log, "/cached/by-user") != count(adm, "/cached/by-user")


def test_a_page_with_a_rule_is_cached_by_user(browse: Browse) -> None:
    """`cache_by_user` null is absent: a page behind a login is not shared (with the original it was)."""
    log, adm = browse("log"), browse("adm")
    assert count(log, "/cached/logged") == count(log, "/cached/logged")
    assert count(log, "/cached/logged") != count(adm, "/cached/logged")


def test_a_page_that_knows_the_user_is_cached_by_user(browse: Browse) -> None:
    """Whatever `cache_by_user` says: an action with `user_info` has the user in its key."""
    log, adm = browse("log").get("/cached/user-info"), browse("adm").get("/cached/user-info")
    assert (log.element("name"), adm.element("name")) == ("Logged", "Admin")


def test_the_query_is_part_of_the_key(visitor: Visitor) -> None:
    """Another query, another page."""
    assert count(visitor, "/cached/all?a=1") == count(visitor, "/cached/all?a=1")
    assert count(visitor, "/cached/all?a=1") != count(visitor, "/cached/all?a=2")


def test_the_organization_is_part_of_the_key(browse_orga: Browse) -> None:
    """Another organization, another page."""
    visitor = browse_orga("mem")
    assert visitor.get("/cached/orga").element("name") == "-1"
    assert visitor.get("/ebuio_setOrga?name=RTS&pk=-2").status < 400
    assert visitor.get("/cached/orga").element("name") == "-2"


def test_a_cached_page_has_each_visitors_own_token(browse: Browse) -> None:
    """The token is not inside (with the original one visitor's token went to all)."""
    first, second = browse(), browse()
    pages = first.get("/cached/form"), second.get("/cached/form")
    assert pages[0].element("count") == pages[1].element("count")
    tokens = [page.field("csrfmiddlewaretoken") for page in pages]
    assert tokens[0] != tokens[1]
    for visitor, token in zip((first, second), tokens, strict=True):
        assert visitor.post("/cached/form", [("csrfmiddlewaretoken", token)]).status == 200


def test_a_form_neither_reads_nor_fills_the_cache(visitor: Visitor, original_service: Process) -> None:
    """Each POST reaches the service once (with the original it was answered from the cache)."""
    before = count(visitor, "/cached/form")
    token = visitor.token("/cached/form")
    original_service.forget()
    posted = visitor.post("/cached/form", [("csrfmiddlewaretoken", token)]).element("count")
    assert posted != before
    assert [call.method for call in original_service.calls("/action/")] == ["POST"]
    assert count(visitor, "/cached/form") == before


def test_head_does_not_fill_the_cache(visitor: Visitor, original_service: Process) -> None:
    """Its answer has no data."""
    assert visitor.send("HEAD", "/cached/all").body == b""
    original_service.forget()
    count(visitor, "/cached/all")
    original_service.only_call("/action/cached/all")


def test_a_cached_answer_keeps_etag_and_cors(visitor: Visitor) -> None:
    """With the original the second visitor got neither."""
    first, second = visitor.get("/cached/etag"), visitor.get("/cached/etag")
    assert first.element("count") == second.element("count")
    for answer in (first, second):
        assert answer.header("ETag") == '"cached"'
        assert answer.header("Access-Control-Allow-Origin") == "https://friend.example"


def test_json_is_cached(visitor: Visitor) -> None:
    """With the original it never was."""
    assert visitor.get("/cached/json").json() == visitor.get("/cached/json").json()


def test_an_answer_that_writes_the_session_is_not_cached(browse: Browse, original_service: Process) -> None:
    """Every visitor's session is written."""
    first, second = browse(), browse()
    assert count(first, "/cached/session") != count(second, "/cached/session")
    for visitor in (first, second):
        assert visitor.get("/session/get").json()["session"] == {"mark": "1"}


@pytest.mark.parametrize("status", [404, 429, 500])
def test_only_200_is_cached(visitor: Visitor, original_service: Process, status: int) -> None:
    """A fault is asked for again."""
    for _ in range(2):
        assert visitor.get(f"/cached/status/{status}").status == status
    assert len(original_service.calls("/action/")) == 2


def test_cached_answers_go_out_private(visitor: Visitor) -> None:
    """A page in a layout is for the visitor it was made for."""
    assert visitor.get("/cached/all").header("Cache-Control") == "private, no-store"


def test_media_need_no_login_and_no_session(browse: Browse, original_service: Process) -> None:
    """Public in version 1: fetched without user and session, with the service's Cache-Control."""
    visitor = browse("adm")
    visitor.get("/session/set?colour=blue")
    original_service.forget()
    answer = visitor.get("/media/note.txt")
    assert "max-age=43200" in (answer.header("Cache-Control") or "")
    call = original_service.only_call("/media/")
    assert call.query == ""
    assert call.header("Cookie") is None
    assert not [name for name, _ in call.headers if name.lower().startswith("x-plugitsession-")]
    assert "Admin" not in repr(call.headers)


def test_media_behind_a_login(
    serve: Callable[..., str], original_service: Process, nothing_else: WSGIApplication
) -> None:
    """`media_login` asks for one."""
    service = Service("app", original_service.url, media_login=True)
    visitor = Visitor(serve(PlugItMiddleware(nothing_else, [service], "k" * 32)), "/s/app")
    assert visitor.get("/media/note.txt").status == 403
    assert original_service.calls() == []
