"""The mail pages of the development host, in process: what they show, and where answers go."""

from __future__ import annotations

import email
import email.policy
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import pytest
from tests.unit.cli.client import Visitor

from plugit_wsgi.cli.dev import create_app
from plugit_wsgi.errors import ConfigError
from plugit_wsgi.testing.fake_service import FakeService, Reply

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

HOSTILE = "</textarea></pre></title><script>alert(1)</script>\"'><img src=x onerror=alert(1)> {0} {token} %s"
ESCAPED = "&lt;/textarea&gt;&lt;/pre&gt;&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&gt;"
OK = Reply(body={"result": "Ok"})


@pytest.fixture
def service() -> FakeService:
    """A service that takes answers."""
    fake = FakeService()
    fake.action("/", template="<p>here</p>")
    fake.answer("/mail", OK)
    return fake


@pytest.fixture
def visitor(service: FakeService, serve: Callable[[WSGIApplication], str]) -> Visitor:
    """Somebody at a development host in front of it."""
    return Visitor(create_app(serve(service)))


def send(visitor: Visitor, **fields: object) -> int:
    """What a service does; the status it gets."""
    given = {
        "sender": "polls@example.org",
        "dests": ["vera@example.org"],
        "subject": "Results",
        "message": "Tea won.",
        "response_id": "poll-1",
        **fields,
    }
    return visitor.post("/s/app/ebuio_api/mail/", data=given).status_code


def answer(visitor: Visitor, text: str = "Thanks", **fields: str) -> str:
    """Answers the first mail by the form of its page; the page that is shown then."""
    sent = visitor.submit("/s/_mail/1", "/s/_mail/1", message=text, **fields)
    assert (sent.status_code, sent.headers["Location"]) == (303, "/s/_mail/1#answers")
    return visitor.get("/s/_mail/1").text


def answers_of(page: str) -> str:
    """The part of a page with the answers."""
    return page.partition('id="answers"')[2].partition("<h2")[0]


def handed(service: FakeService) -> list[dict[str, list[str]]]:
    """The answers that the service got."""
    return [parse_qs(call.body.decode(), keep_blank_values=True) for call in service.called("/mail")]


def test_without_any_mail(visitor: Visitor) -> None:
    """The page says what it is for; the bar of every page leads there."""
    assert "No service has sent any mail yet" in visitor.get("/s/_mail/").text
    for page in ("/", "/s/app/", "/s/_mail/"):
        assert 'href="/s/_mail/">Mail (0)</a>' in visitor.get(page).text


def test_the_list(visitor: Visitor) -> None:
    """Newest first, with sender, recipients, subject, time, and whether there can be an answer."""
    send(visitor)
    send(visitor, subject="News", dests=["a@example.org", "b@example.org"], response_id="")
    page = visitor.get("/s/_mail/").text
    newer, older = page.split("<li ")[-2:]
    assert '<a href="/s/_mail/2">News</a>' in newer
    assert "From polls@example.org to a@example.org, b@example.org" in newer
    assert "· cannot be answered</small>" in newer
    assert '<a href="/s/_mail/1">Results</a>' in older
    assert "· can be answered</small>" in older
    said = older.partition("<small>")[2].partition(" · ")[0]
    assert abs(parsedate_to_datetime(said).timestamp() - time.time()) < 60
    assert "Mail (2)" in page


def test_a_crowd_of_recipients_is_counted(visitor: Visitor) -> None:
    """The page stays a page."""
    assert send(visitor, dests=[f"u{number}@example.org" for number in range(100)]) == 200
    page = visitor.get("/s/_mail/").text
    assert "u19@example.org and 80 more" in page
    assert "u20@example.org" not in page


def test_a_mail(visitor: Visitor) -> None:
    """Its headers and its text; without an HTML part there is no frame."""
    send(visitor, message="  Tea: 3\n Coffee: 2")
    page = visitor.get("/s/_mail/1").text
    for header, value in [
        ("From", "polls@example.org"),
        ("To", "vera@example.org"),
        ("Subject", "Results"),
        ("Service", "app"),
        ("Response id", "poll-1"),
    ]:
        assert f'<th scope="row">{header}</th><td class="text-break">{value}</td>' in page
    assert ">\n  Tea: 3\n Coffee: 2</pre>" in page
    assert "<iframe" not in page


def test_html_is_in_a_frame_where_nothing_runs(visitor: Visitor) -> None:
    """A sandbox with no permission at all, under a policy that loads nothing; the source is text."""
    send(visitor, html_message=f"<h1>Tea</h1>{HOSTILE}")
    page = visitor.get("/s/_mail/1").text
    frame = page.partition("<iframe ")[2].partition("</iframe>")[0]
    assert ' sandbox="" ' in frame
    assert 'title="HTML of the mail"' in frame
    document = frame.partition('srcdoc="')[2].partition('"')[0]
    assert document.startswith("&lt;!DOCTYPE html&gt;&lt;meta http-equiv=&#34;Content-Security-Policy&#34;")
    assert "default-src &#39;none&#39;" in document
    assert f"&lt;h1&gt;Tea&lt;/h1&gt;{ESCAPED}" in document
    assert f"\n&lt;h1&gt;Tea&lt;/h1&gt;{ESCAPED}" in page.partition("<details ")[2]
    assert "<h1>Tea" not in page


@pytest.mark.parametrize("field", ["sender", "subject", "message", "html_message", "response_id"])
def test_hostile_texts_are_texts(visitor: Visitor, service: FakeService, field: str) -> None:
    """On both pages, in the answer, and in what the service says to it."""
    assert send(visitor, **{field: HOSTILE}) == 200
    service.answer("/mail", Reply(status=500, body=HOSTILE))
    pages = [visitor.get("/s/_mail/").text, answer(visitor, HOSTILE)]
    assert ESCAPED in pages[1]
    assert ESCAPED in pages[0] or field not in ("sender", "subject")
    for page in pages:
        assert "<script>" not in page
        assert "<img" not in page


def test_an_answer_reaches_the_service(visitor: Visitor, service: FakeService) -> None:
    """With the response id, as typed, in the context that a host signs; the page says that it was taken."""
    send(visitor)
    page = answer(visitor, "Grüezi\r\n & <b>merci</b>")
    assert handed(service) == [{"response_id": ["poll-1"], "message": ["Grüezi\n & <b>merci</b>"]}]
    assert service.called("/mail")[0].headers["x-plugit-context"].count(".") == 1
    assert "The service took this answer." in page
    assert "Grüezi\n &amp; &lt;b&gt;merci&lt;/b&gt;</pre>" in answers_of(page)
    assert "· 1 answer</small>" in visitor.get("/s/_mail/").text


def test_the_newest_answer_is_above(visitor: Visitor) -> None:
    """All are there, each with what became of it."""
    send(visitor)
    answer(visitor, "one")
    page = answers_of(answer(visitor, "two"))
    assert page.index("\ntwo</pre>") < page.index("\none</pre>")


def test_an_answer_may_quote_the_mail(visitor: Visitor, service: FakeService) -> None:
    """Below it, as mail programs do."""
    send(visitor, message="Tea won.\n\nSee you")
    page = answer(visitor, "Thanks", quote="1")
    (message,) = handed(service)[0]["message"]
    assert message.startswith("Thanks\n\nOn ")
    assert message.endswith(", polls@example.org wrote:\n> Tea won.\n>\n> See you\n")
    assert "&gt; Tea won." in answers_of(page)


def test_an_answer_may_come_twice(visitor: Visitor, service: FakeService) -> None:
    """As after a crash of the host: the same Message-ID, and the second time the mark of a repeat."""
    send(visitor)
    page = answers_of(answer(visitor, twice="1"))
    first, second = (call.headers for call in service.called("/mail"))
    assert first["x-plugit-message-id"] == second["x-plugit-message-id"] != ""
    assert ("x-plugit-repeat" in first, second["x-plugit-repeat"]) == (False, "1")
    assert page.count("The service took this answer.") == 2
    assert page.count("Once more, marked as a repeat: ") == 1
    answer(visitor)
    third = service.called("/mail")[2].headers
    assert "x-plugit-repeat" not in third
    assert third["x-plugit-message-id"] != first["x-plugit-message-id"]


def test_the_source_is_that_of_a_real_host(visitor: Visitor) -> None:
    """From its address; Reply-To only where a service wants to hear."""
    send(visitor, subject="Grüezi")
    send(visitor, response_id="")
    sources = [
        unescape(
            visitor.get(f"/s/_mail/{number}").text.partition('id="mail-source"')[2].partition("</pre>")[0]
        )
        for number in (1, 2)
    ]
    message = email.message_from_string(sources[0].partition("\n")[2], policy=email.policy.default)
    assert message["From"] == "app via Development host <mail@host.example>"
    assert message["Reply-To"] == "mail+TOKEN@host.example"
    assert (message["To"], message["Subject"]) == ("vera@example.org", "Grüezi")
    assert message.get_content() == "Tea won."
    assert "Reply-To" not in sources[1]


def test_a_flag_says_that_the_message_is_html(visitor: Visitor) -> None:
    """As the original had it: the text is made of it."""
    send(visitor, message="<p>Tea <b>won</b></p>", html_message="True")
    page = visitor.get("/s/_mail/1").text
    assert ">\nTea won</pre>" in page
    assert "&lt;p&gt;Tea &lt;b&gt;won&lt;/b&gt;&lt;/p&gt;" in page.partition('srcdoc="')[2].partition('"')[0]


OUTCOMES = [
    (OK, "The service took this answer."),
    (Reply(body={"result": "Error"}), 'did not take this answer|200 {"result": "Error"}'),
    (Reply(body={}), "did not take this answer|200 {}"),
    (Reply(body=[]), "did not take this answer|200 []"),
    (Reply(body="no JSON"), "did not take this answer|200 no JSON"),
    (Reply(status=500, body="in line 7"), "did not take this answer|500 in line 7"),
    (Reply(status=401, body=""), "did not take this answer|401"),
    (Reply(status=404, body="nothing"), "has no call of this name|404 nothing"),
    (Reply(status=405, body=""), "has no call of this name|405"),
]


@pytest.mark.parametrize(("reply", "said"), OUTCOMES)
def test_what_the_service_says_is_told(
    visitor: Visitor, service: FakeService, reply: Reply, said: str
) -> None:
    """An author sees what a host would see."""
    service.answer("/mail", reply)
    send(visitor)
    page = answers_of(answer(visitor)).replace("&#34;", '"')
    assert [words for words in said.split("|") if words not in page] == []


def test_a_service_that_is_away(caplog: pytest.LogCaptureFixture) -> None:
    """The words of the error page, and the reason; a mail that it sent before stays."""
    visitor = Visitor(create_app("http://127.0.0.1:1"))
    send(visitor)
    page = answer(visitor)
    assert "The service gave no answer that could be used." in page
    assert "This service does not work just now: " in answers_of(page)
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("data", [{}, {"csrfmiddlewaretoken": "x"}])
def test_a_form_of_another_site_sends_nothing(
    visitor: Visitor, service: FakeService, data: dict[str, str]
) -> None:
    """It has no token; and with one, the browser says where it comes from."""
    send(visitor)
    assert visitor.post("/s/_mail/1", data={"message": "x", **data}).status_code == 403
    page = visitor.get("/s/_mail/1").text
    token = page.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    given = {"message": "x", "csrfmiddlewaretoken": token}
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert visitor.post("/s/_mail/1", data=given, headers=headers).status_code == 403
    assert service.called("/mail") == []
    assert visitor.post("/s/_mail/1", data=given).status_code == 303
    assert len(service.called("/mail")) == 1


def test_a_mail_without_response_id(visitor: Visitor, service: FakeService) -> None:
    """Says why it cannot be answered, and cannot be."""
    send(visitor, response_id="")
    page = visitor.get("/s/_mail/1").text
    assert "cannot be answered: it was sent without a <code>response_id</code>" in page
    assert "<textarea" not in page
    token = page.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    assert visitor.post("/s/_mail/1", data={"csrfmiddlewaretoken": token}).status_code == 400
    assert service.called("/mail") == []


def test_an_answer_of_the_greatest_length(visitor: Visitor, service: FakeService) -> None:
    """The form's own limit passes, in any letters; far more is refused."""
    send(visitor)
    answer(visitor, "\N{EURO SIGN}" * 65_536)
    assert handed(service)[0]["message"] == ["\N{EURO SIGN}" * 65_536]
    assert visitor.post("/s/_mail/1", data={"message": "x" * 2_000_000}).status_code == 413


@pytest.mark.parametrize("name", ["0", "2", "-1", "x", "1/", "%D9%A1", "9" * 30, "1%00"])
def test_no_such_mail(visitor: Visitor, name: str) -> None:
    """A page that says so."""
    send(visitor)
    found = visitor.get(f"/s/_mail/{name}")
    assert (found.status_code, "No such mail" in found.text) == (404, True)


def test_the_addresses(visitor: Visitor) -> None:
    """With and without slash; other methods, and paths that only begin alike."""
    assert visitor.get("/s/_mail").headers["Location"] == "/s/_mail/"
    assert visitor.post("/s/_mail/").status_code == 405
    assert visitor.head("/s/_mail/").status_code == 200
    assert visitor.get("/s/_mails").status_code == 404
    assert 'href="/desk/s/_mail/"' in visitor.get("/s/_mail/", base_url="http://localhost/desk").text


def test_the_bar_keeps_the_choice(visitor: Visitor) -> None:
    """Who looks is who looks elsewhere, and the switch leads back."""
    visitor.get("/s/app/ebuio_setUser?mode=mem")
    page = visitor.get("/s/_mail/").text
    assert '<option value="mem" selected>' in page
    assert 'name="next" value="/s/_mail/"' in page


@pytest.mark.parametrize("mount", ["/s/_mail", "/s/_mail/x"])
def test_no_service_is_mounted_there(mount: str) -> None:
    """It would not be seen."""
    with pytest.raises(ConfigError, match="mail of the service"):
        create_app("http://127.0.0.1:5000", mount)


def test_a_service_mounted_above_leaves_it_its_place(
    service: FakeService, serve: Callable[[WSGIApplication], str]
) -> None:
    """As the other pages of the host."""
    visitor = Visitor(create_app(serve(service), "/s"))
    assert "No service has sent any mail yet" in visitor.get("/s/_mail/").text
