"""Every kind of page of a service of the original, as our host shows it (protocol section 6)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from tests.interop.processes import Process
from tests.interop.visitor import Visitor

Browse = Callable[..., Visitor]


def test_a_page_comes_in_our_layout(visitor: Visitor) -> None:
    """Title, heading, menu and content arrive in the layout, with everything outside ASCII."""
    answer = visitor.get("/")
    assert answer.status == 200
    assert answer.header("Content-Type") == "text/html; charset=utf-8"
    assert "Übersicht" in answer.text.partition("<title>")[2].partition("</title>")[0]
    assert answer.element("pretitle") == "Willkommen"
    assert answer.element("greeting") == "Grüezi, Ελλάδα &amp; &lt;b&gt;łódź&lt;/b&gt;"
    assert answer.text.count('class="item"') == 3


def test_the_menu_block_is_the_menu(visitor: Visitor) -> None:
    """It is shown once, rendered with the page's data."""
    answer = visitor.get("/")
    assert answer.text.count('id="service-menu"') == 1
    assert "Formular für Grüezi" in answer.element("service-menu")
    assert f'href="{visitor.mount}/form/"' in answer.element("service-menu")


def test_css_and_javascript_blocks_go_into_the_layout(visitor: Visitor) -> None:
    """What `base-withBlocks.html` offers, `block.super` included, and blocks inside blocks."""
    answer = visitor.get("/blocks/")
    assert answer.text.count(f'href="{visitor.mount}/media/style.css"') == 1
    assert answer.text.count('window.service = "größer";') == 1
    assert answer.text.index("media/style.css") < answer.text.index("<body")
    assert answer.element("word") == "größer"
    assert answer.text.count('id="inner"') == 1
    assert answer.element("service-menu") == "Menü"


def test_the_template_language_of_real_services(visitor: Visitor) -> None:
    """Tags and filters found in services of the original give what Django 1.8 gave."""
    answer = visitor.get("/language/")
    assert answer.status == 200
    text = answer.text
    assert "0|ZOË|3|2.0\xa0KB|ja" in text
    assert "1|&lt;I&gt;|3|0\xa0bytes|nein" in text
    assert '<tr class="first">' in text
    assert '<tr class="last">' in text
    assert "<td>75%</td>" in text
    assert text.count("<td>condition</td>") == 2
    assert "<td>a</td>" in text
    assert "<td>none</td>" in text
    assert answer.element("numbers") == "6 1"
    assert answer.element("missing") == "[]"
    assert answer.element("none") == "leer"
    assert answer.element("markup") == "&lt;em&gt;fett&lt;/em&gt; <em>fett</em>"
    assert answer.element("links") == '<a target="_blank" href="http://example.org/">x</a>'
    assert answer.element("verbatim") == "{{ for.javascript }}"
    assert "nobody sees" not in text
    assert "nor this one" not in text


@pytest.mark.parametrize("element", ["include", "include-variable", "include-relative"])
def test_a_template_of_another_action_is_included(
    visitor: Visitor, original_service: Process, element: str
) -> None:
    """In the current context, by name or variable; that action itself is not called."""
    included = visitor.get("/language/").element(element)
    assert included == '<span class="included">included, total 4</span>'
    assert not original_service.calls("/action/menu/")


def test_a_template_asks_for_another_user(visitor: Visitor) -> None:
    """`plugitGetUser` gives the allowed fields of one of the host's users."""
    assert visitor.get("/language/").element("mate") == "Member Luc -2"


def shown(answer_text: str) -> dict[str, str]:
    """The page's list of definitions."""
    rows = answer_text.partition("<dl>")[2].partition("</dl>")[0].split("<dt>")[1:]
    return {row.partition("</dt>")[0]: row.partition("<dd>")[2].partition("</dd>")[0] for row in rows}


def test_our_names_win_in_the_context_of_a_template(browse: Browse) -> None:
    """User, mount and token are the host's, other names the service's; request and settings are not there."""
    visitor = browse("adm")
    assert shown(visitor.get("/context/").text) == {
        "own": "kept",
        "id": "-3",
        "pk": "-3",
        "username": "Admin",
        "first_name": "Admin",
        "last_name": "Charles",
        "email": "admin@plugit-standalone.ebuio",
        "member": "True",
        "admin": "True",
        "orga_member": "True",
        "orga_admin": "True",
        "base": visitor.mount + "/",
        "orgamode": "no",
        "orga": "  ",
        "mode": "adm",
        "token": "yes",
        "request": "[]",
    }


def test_an_anonymous_visitor_in_a_template(visitor: Visitor) -> None:
    """No name, no rights."""
    seen = shown(visitor.get("/context/").text)
    assert (seen["username"], seen["mode"]) == ("", "ano")
    assert {seen[name] for name in ("member", "admin", "orga_member", "orga_admin")} == {"False"}


def test_the_organization_in_a_template(browse_orga: Browse) -> None:
    """EBU is where the stand-alone mode starts; another can be chosen."""
    visitor = browse_orga("mem")
    assert shown(visitor.get("/context/").text)["orga"] == "-1 EBU zzebu"
    assert visitor.get("/ebuio_setOrga?name=BBC&pk=-3").status < 400
    assert shown(visitor.get("/context/").text)["orga"] == "-3 BBC gbbbc"


def test_a_fragment_without_layout(visitor: Visitor) -> None:
    """`no_template` is the rendered template alone."""
    assert visitor.get("/bare/").text.strip() == f'<div id="bare">nackt {visitor.mount}/</div>'


def test_a_broken_template_is_the_services_fault(visitor: Visitor) -> None:
    """A page that says so, without words from inside."""
    answer = visitor.get("/broken-template/")
    assert answer.status == 502
    assert "Traceback" not in answer.text


def test_a_form_goes_there_and_back(visitor: Visitor) -> None:
    """The token of the page lets the form through; fields keep their order and what is outside ASCII."""
    page = visitor.get("/form/")
    fields = [
        ("csrfmiddlewaretoken", page.field("csrfmiddlewaretoken")),
        ("name", "Łukasz & Zoë"),
        ("choice[]", "zwei"),
        ("choice[]", "eins"),
    ]
    answer = visitor.post("/form/", fields)
    assert answer.status == 200
    assert answer.element("name") == "Łukasz &amp; Zoë"
    assert answer.text.index("zwei") < answer.text.index("eins")


@pytest.mark.parametrize("token", [None, "", "wrong", "a" * 64])
def test_a_form_without_its_token_is_refused(
    visitor: Visitor, original_service: Process, token: str | None
) -> None:
    """And the action is not called."""
    visitor.get("/form/")
    original_service.forget()
    fields = [("name", "x")] + ([] if token is None else [("csrfmiddlewaretoken", token)])
    assert visitor.post("/form/", fields).status == 403
    assert not original_service.calls("/action/")


def test_a_script_sends_the_token_as_header(visitor: Visitor) -> None:
    """Services read the cookie `csrftoken` and send `X-CSRFToken`."""
    visitor.get("/form/")
    answer = visitor.post("/form/", [("name", "Skript")], {"X-CSRFToken": visitor.cookies["csrftoken"]})
    assert (answer.status, answer.element("name")) == (200, "Skript")


def test_the_service_calls_the_hosts_api_while_a_page_waits(visitor: Visitor) -> None:
    """The API of the stand-alone mode, read with the original's own client."""
    api = visitor.origin + visitor.mount + "/ebuio_api/"
    answer = visitor.get(f"/callback/?api={api}")
    assert answer.status == 200
    assert answer.element("friend") == "Member -2"
    assert answer.element("orga") == "BBC"
    assert answer.element("orgas").split() == ["EBU", "RTS", "BBC", "CNN"]
    assert answer.element("members").split() == ["Logged", "Member", "Admin"]


def test_the_service_sends_a_mail_through_the_host(visitor: Visitor) -> None:
    """The original's client posts it and gets an empty object."""
    api = visitor.origin + visitor.mount + "/ebuio_api/"
    answer = visitor.post("/send-mail/", [("csrfmiddlewaretoken", visitor.token()), ("api", api)])
    assert answer.json() == {"status": 200, "answer": {}}


def test_an_answer_on_the_page_of_the_host_reaches_the_service(visitor: Visitor) -> None:
    """What the original's client sends can be read; its mail callback gets the answer, twice if wanted."""
    api = visitor.origin + visitor.mount + "/ebuio_api/"
    fields = [("csrfmiddlewaretoken", visitor.token()), ("api", api), ("response_id", "größe:7")]
    assert visitor.post("/send-mail/", fields).json() == {"status": 200, "answer": {}}
    address = f"{visitor.origin}/s/_mail/1"
    page = requests.get(address, timeout=10).text
    assert "Größe" in page
    assert "Liebe Grüße</pre>" in page
    token = page.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    form = {"csrfmiddlewaretoken": token, "message": "Schöne\r\nGrüße", "twice": "1"}
    answered = requests.post(address, data=form, timeout=10).text
    assert answered.count("The service took this answer.") == 2
    assert visitor.get("/mails/").json()["mails"][-2:] == [["größe:7", "Schöne\nGrüße"]] * 2
