"""What the original does, seen with its own proxy in front of its own service.

The tests named ``test_defect_*`` record behaviour that this project does not copy. Each has a counterpart
in ``test_original_service.py`` that shows what this project does instead.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.interop.processes import Process
from tests.interop.visitor import Visitor

OpenVisitor = Callable[[], Visitor]


@pytest.fixture
def visit(original_proxy: Callable[..., Process], original_service: Process) -> OpenVisitor:
    """Opens browsers at the original proxy in front of the original service."""
    proxy = original_proxy(original_service.url)
    return lambda: Visitor(proxy.url, "/plugIt")


@pytest.fixture
def visitor(visit: OpenVisitor) -> Visitor:
    """One such browser, nobody logged in."""
    return visit()


def test_shows_a_page_of_the_service_in_its_layout(visitor: Visitor) -> None:
    """The environment, the service and the proxy work together; all else here relies on it."""
    answer = visitor.get("/")
    assert answer.status == 200
    assert 'data-layout="original"' in answer.text
    assert answer.element("greeting").startswith("Grüezi, Ελλάδα &amp; &lt;b&gt;")
    assert answer.element("service-menu")


def test_shows_a_page_of_a_pages_mode_service(
    original_proxy: Callable[..., Process], pages_service: Process
) -> None:
    """In ProxyMode the body is the fragment and the marker becomes a token."""
    visitor = Visitor(original_proxy(pages_service.url, pages=True).url, "/plugIt")
    answer = visitor.get("/")
    assert answer.status == 200
    assert answer.element("mode") == "GET"
    assert answer.field("csrfmiddlewaretoken") not in ("", "{~__PLUGIT_CSRF_TOKEN__~}")


def test_defect_pages_mode_fails_for_users_who_are_logged_in(
    original_proxy: Callable[..., Process], pages_service: Process
) -> None:
    """Their number becomes a header value that is no string, which requests refuses since 2.11."""
    visitor = Visitor(original_proxy(pages_service.url, pages=True).url, "/plugIt")
    assert visitor.become("mem").get("/").status == 500


def test_enforces_its_rules(visitor: Visitor) -> None:
    """A refusal is a 403 page that names the meta key."""
    answer = visitor.get("/only/member")
    assert (answer.status, answer.element("reason")) == (403, "only_member_user")
    assert visitor.become("mem").get("/only/member").status == 200


def test_renders_the_template_language(visitor: Visitor) -> None:
    """The constructs found in real services."""
    answer = visitor.get("/language/")
    assert answer.element("numbers") == "6 1"
    assert answer.element("mate") == "Member Luc -2"
    assert 'class="included">included, total 4<' in answer.element("include-relative")


def test_defect_identity_comes_in_by_an_encoded_question_mark(visitor: Visitor) -> None:
    """Anybody becomes user -3 towards the service."""
    assert visitor.get("/who%3Febuio_u_pk=-3").json()["pk"] == "-3"


def test_defect_rules_are_left_behind_through_media(visitor: Visitor) -> None:
    """An encoded slash leads from the media folder to an action only administrators may call."""
    assert visitor.get("/secret").status == 403
    assert visitor.get("/media/..%2Faction%2Fsecret").json() == {"secret": "Sesam öffne dich"}


@pytest.mark.parametrize("status", [400, 405, 409, 410, 412, 413, 415, 422, 503])
def test_defect_statuses_become_404(visitor: Visitor, status: int) -> None:
    """The user problem reported most often."""
    assert visitor.get(f"/status/{status}").status == 404


def test_defect_retry_after_is_lost(visitor: Visitor) -> None:
    """The five statuses it knows come without any header."""
    answer = visitor.get("/status/429")
    assert (answer.status, answer.header("Retry-After")) == (429, None)


def test_defect_json_goes_out_as_html(visitor: Visitor) -> None:
    """A script in a JSON answer runs in the browser."""
    answer = visitor.get("/json/")
    assert answer.header("Content-Type") == "text/html; charset=utf-8"
    assert "<script>" in answer.text


def test_defect_a_redirect_leads_to_any_site(visitor: Visitor) -> None:
    """A service can send visitors anywhere."""
    assert visitor.get("/go/away").header("Location") == "http://evil.example/"


def test_defect_prefixed_redirect_has_two_slashes(visitor: Visitor) -> None:
    """Base URL and target are joined as they are."""
    location = visitor.get("/go/slash").header("Location") or ""
    assert location.endswith("/plugIt//form/")


def test_defect_a_wish_for_an_unknown_field_is_an_error(visitor: Visitor) -> None:
    """One field the host does not give breaks the whole page."""
    assert visitor.get("/user/gravatar").status == 500


def test_defect_list_and_null_answers_break(visitor: Visitor) -> None:
    """``null`` is taken for "not found", a list for nothing it can show."""
    assert visitor.get("/json/null").status == 404
    assert visitor.become("adm").get("/answer/list").status == 500


def test_defect_bodies_other_than_forms_are_dropped(visitor: Visitor, original_service: Process) -> None:
    """PUT reaches the service without its body."""
    token = visitor.token()
    original_service.forget()
    visitor.send("PUT", "/echo/", headers={"X-CSRFToken": token, "Content-Type": "text/plain"}, body=b"abc")
    assert original_service.only_call("/action/echo/").body == b""


def test_defect_only_the_last_file_of_a_name_arrives_and_loses_its_type(visitor: Visitor) -> None:
    """Two files go in, one comes out, as text whatever the browser said."""
    files = [("many", "a.txt", "application/x-first", b"1"), ("many", "b.bin", "application/x-second", b"22")]
    answer = visitor.upload("/upload/", [("csrfmiddlewaretoken", visitor.token())], files)
    assert answer.text.count('class="file"') == 1
    assert "many|b.bin|text/plain; charset=utf-8|2|" in answer.text


def test_defect_a_cached_page_hands_out_another_visitors_token(visit: OpenVisitor) -> None:
    """The token is inside the cached page."""
    first = visit().get("/cached/form")
    second = visit().get("/cached/form")
    assert first.field("csrfmiddlewaretoken") == second.field("csrfmiddlewaretoken")


def test_defect_a_post_is_answered_from_the_cache(visitor: Visitor, original_service: Process) -> None:
    """The service never sees the form."""
    visitor.get("/cached/form")
    token = visitor.token()
    original_service.forget()
    visitor.post("/cached/form", [("csrfmiddlewaretoken", token)])
    assert original_service.calls("/action/") == []


def test_defect_a_private_page_is_shared(visit: OpenVisitor) -> None:
    """``cache_by_user`` null is taken for "no", also where a login is due."""
    first = visit().become("log").get("/cached/logged")
    second = visit().become("adm").get("/cached/logged")
    assert first.element("count") == second.element("count")


def test_defect_cached_answers_lose_their_headers(visitor: Visitor) -> None:
    """The second visitor gets neither ETag nor CORS."""
    first, second = visitor.get("/cached/etag"), visitor.get("/cached/etag")
    assert (first.header("ETag"), second.header("ETag")) == ('"cached"', None)


def test_defect_json_answers_are_never_cached(visitor: Visitor) -> None:
    """Although the service asked for it."""
    assert visitor.get("/cached/json").json()["count"] < visitor.get("/cached/json").json()["count"]


def test_defect_requested_cors_method_is_not_sent(visitor: Visitor, original_service: Process) -> None:
    """A misspelt name keeps it back."""
    asked = {"Origin": "https://friend.example", "Access-Control-Request-Method": "PUT"}
    visitor.send("OPTIONS", "/cors/", headers=asked)
    call = original_service.only_call("/action/cors/")
    assert call.header("X-Plugit-Origin") == "https://friend.example"
    assert call.header("X-Plugit-Access-Control-Request-Method") is None


def test_defect_a_dead_service_is_not_found(original_proxy: Callable[..., Process]) -> None:
    """A service that is down looks like a page that does not exist."""
    assert Visitor(original_proxy("http://127.0.0.1:9").url, "/plugIt").get("/").status == 404
