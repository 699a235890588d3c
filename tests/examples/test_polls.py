"""The voting service, as a host sees it: its own folder, loaded and called over the protocol."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
import struct
import sys
import threading
import zlib
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import requests
from werkzeug.test import Client, TestResponse

from plugit_wsgi.cli.dev import create_app
from plugit_wsgi.sdk import ServiceApp, load_service

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "polls"
MEETING, DRINK, PARTY = 1, 2, 3  # the polls of samples.py
LOGGED = {"ebuio_u_pk": "-1", "ebuio_u_username": "Logged"}
MEMBER = {"ebuio_u_pk": "-2", "ebuio_u_username": "Member"}
TWO = "Please give at least two responses, each on a line of its own."
ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServiceApp:
    """The service with a database of its own, which does not exist yet."""
    monkeypatch.setattr("sys.path", [*sys.path])  # loading a folder adds it
    monkeypatch.delenv("PLUGIT_SERVICE_KEY", raising=False)
    monkeypatch.setenv("POLLS_DATABASE", str(tmp_path / "made" / "polls.sqlite3"))
    return load_service(FOLDER)


class Host(Client):
    """Whoever calls the service. Reads every answer to its end and closes it, as a host does."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        answer = super().open(*args, buffered=True, **kwargs)
        answer.request.environ["wsgi.input"].close()  # large forms are a file
        return answer


@pytest.fixture
def host(service: ServiceApp) -> Host:
    return Host(service)


def get(host: Host, path: str, **args: str) -> Any:
    answer = host.get(f"/action{path}", query_string=args)
    assert answer.status_code == 200
    return answer.json


def vote(host: Host, poll: int, response: int, user: dict[str, str] = LOGGED) -> Any:
    return host.post(f"/action/vote/{poll}/{response}", data=user)


def votes_of(host: Host, poll: int) -> list[int]:
    return [each["votes"] for each in get(host, f"/api/polls/{poll}")["responses"]]


def fields(**changes: Any) -> dict[str, Any]:
    """A form that is right, but for the changes."""
    return {"title": "Which colour?", "responses": "Red\nGreen", "description": "", **MEMBER, **changes}


def create(host: Host, **changes: Any) -> Any:
    return host.post("/action/create/", data=fields(**changes))


def create_poll(host: Host, **changes: Any) -> int:
    answer = create(host, **changes)
    assert answer.status_code == 200
    return int(answer.headers["EbuIo-PlugIt-Redirect"].removeprefix("show/"))


def png(size: int = 0) -> bytes:
    """A picture of one grey dot, filled up to `size` bytes after its end."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    dot = chunk(b"IDAT", zlib.compress(b"\0\x80"))
    return (b"\x89PNG\r\n\x1a\n" + header + dot + chunk(b"IEND", b"")).ljust(size, b"\0")


# -- Meta


@pytest.mark.parametrize(
    ("path", "rules"),
    [
        ("/", {}),
        ("/menu/", {"no_template": True}),
        ("/show/1", {"user_info": ["pk"]}),
        ("/vote/1/1", {"only_logged_user": True, "user_info": ["pk", "username"]}),
        ("/mail/1", {"only_logged_user": True, "user_info": ["username", "email"]}),
        ("/create/", {"only_member_user": True, "user_info": ["username"]}),
        ("/voters/1", {"only_admin_user": True}),
        ("/results/", {"cache_time": 10, "cache_by_user": False}),
        ("/export/1", {}),
        ("/illustration/1", {}),
        ("/api/polls", {"json_only": True}),
        ("/api/polls/1", {"json_only": True}),
        ("/feed", {"xml_only": True}),
    ],
)
def test_each_action_asks_for_these_rules_and_no_others(host: Host, path: str, rules: dict[str, Any]) -> None:
    """The host enforces what meta says: a rule that is lost here is a door that is open there."""
    meta = host.get(f"/meta{path}").json
    del meta["template_tag"]
    assert meta == rules


@pytest.mark.parametrize("path", ["/", "/menu/", "/show/1", "/create/", "/voters/1", "/results/"])
def test_pages_have_a_template(host: Host, path: str) -> None:
    """A page's tag is not empty, and its template is there."""
    assert host.get(f"/meta{path}").json["template_tag"]
    assert host.get(f"/template{path}").status_code == 200


@pytest.mark.parametrize("path", ["/vote/1/1", "/export/1", "/illustration/1", "/api/polls", "/feed"])
def test_actions_that_are_no_pages_have_no_template(host: Host, path: str) -> None:
    """No tag, no template."""
    assert host.get(f"/meta{path}").json["template_tag"] == ""
    assert host.get(f"/template{path}").status_code == 404


@pytest.mark.parametrize("path", ["/media/polls.css", "/media/polls.js"])
def test_media_that_templates_name_are_there(host: Host, path: str) -> None:
    """A template may only link to files that exist."""
    used = "".join(each.read_text("utf-8") for each in (FOLDER / "templates").iterdir())
    assert f"{{{{ ebuio_baseUrl }}}}{path[1:]}" in used
    assert host.get(path).status_code == 200


# -- Looking


def test_the_first_visitor_finds_the_sample_polls(host: Host) -> None:
    """The database and its folder are made on the way; the newest poll comes first."""
    polls = get(host, "/")["polls"]
    assert [poll["id"] for poll in polls] == [PARTY, DRINK, MEETING]
    assert [poll["votes"] for poll in polls] == [8, 7, 0]


def test_the_database_outlives_the_service(host: Host, tmp_path: Path) -> None:
    """What is there is not made anew, and samples do not come back twice."""
    vote(host, MEETING, 1)
    again = Host(load_service(FOLDER))
    assert len(get(again, "/")["polls"]) == 3
    assert votes_of(again, MEETING) == [1, 0, 0]


def test_several_processes_may_make_the_database_at_once(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server with workers starts them together; the samples are there once."""
    monkeypatch.setenv("POLLS_DATABASE", str(tmp_path / "shared.sqlite3"))
    workers = [Host(load_service(FOLDER)) for _ in range(4)]
    start = threading.Barrier(len(workers))

    def begin(worker: Host) -> int:
        start.wait()
        return len(get(worker, "/")["polls"])

    with ThreadPoolExecutor(len(workers)) as pool:
        assert list(pool.map(begin, workers)) == [3, 3, 3, 3]


@pytest.mark.parametrize("path", ["show", "voters", "export", "api/polls", "illustration"])
@pytest.mark.parametrize("poll", ["0", "77", "9223372036854775807", "9223372036854775808", "1" * 60])
def test_a_poll_that_is_not_there_is_404(host: Host, path: str, poll: str) -> None:
    """Also when its number is larger than the database can hold."""
    assert host.get(f"/action/{path}/{poll}").status_code == 404


def test_nothing_on_the_cached_page_is_about_the_visitor(host: Host) -> None:
    """What the host may show to everybody is the same for everybody, and its template reads no user."""
    assert get(host, "/results/", **LOGGED) == get(host, "/results/")
    text = host.get("/template/results/").text + host.get("/template/menu/").text
    assert "ebuio_u." not in text


def test_the_poll_that_was_looked_at_is_remembered(host: Host) -> None:
    """`show` sets a session value, which the host sends back to the list."""
    answer = host.get(f"/action/show/{DRINK}")
    assert answer.headers["EbuIo-PlugIt-SetSession-seen"] == "2"
    listed = host.get("/action/", headers={"X-Plugitsession-seen": "2"}).json
    assert listed["last"]["title"] == "Tea or coffee?"


@pytest.mark.parametrize("seen", ["", "77", "x", "-1", "1" * 60, "²"])
def test_a_strange_session_value_is_ignored(host: Host, seen: str) -> None:
    """The list is shown whatever is in the session."""
    headers = {"X-Plugitsession-seen": seen.encode("utf-8").decode("latin-1")}
    answer = host.get("/action/", headers=headers)
    assert answer.status_code == 200
    assert answer.json["last"] is None


# -- Voting


def test_a_vote_counts_and_leads_back_to_the_poll(host: Host) -> None:
    """A redirect below the mount, with a message in the session for the page that comes next."""
    answer = vote(host, MEETING, 2)
    assert answer.headers["EbuIo-PlugIt-Redirect"] == "show/1"
    assert "EbuIo-PlugIt-Redirect-NoPrefix" not in answer.headers
    assert answer.headers["EbuIo-PlugIt-SetSession-message"] == "voted"
    assert votes_of(host, MEETING) == [0, 1, 0]


def test_a_second_vote_takes_the_place_of_the_first(host: Host) -> None:
    """One user, one vote."""
    vote(host, MEETING, 2)
    answer = vote(host, MEETING, 3)
    assert answer.headers["EbuIo-PlugIt-SetSession-message"] == "changed"
    assert votes_of(host, MEETING) == [0, 0, 1]
    assert get(host, f"/show/{MEETING}", ebuio_u_pk="-1")["choice"] == 3


def test_users_have_a_vote_each_and_one_in_every_poll(host: Host) -> None:
    """Votes of another user, or in another poll, are left alone."""
    vote(host, MEETING, 1, LOGGED)
    vote(host, MEETING, 1, MEMBER)
    vote(host, DRINK, 1, LOGGED)
    assert votes_of(host, MEETING) == [2, 0, 0]
    assert votes_of(host, DRINK) == [3, 4, 1]


@pytest.mark.parametrize(
    "path", ["/vote/1/0", "/vote/1/4", "/vote/77/1", "/vote/1/9223372036854775808", f"/vote/{'1' * 60}/1"]
)
def test_a_vote_for_what_is_not_there_is_404_and_counts_nothing(host: Host, path: str) -> None:
    """No vote without its response."""
    assert host.post(f"/action{path}", data=LOGGED).status_code == 404
    assert votes_of(host, MEETING) == [0, 0, 0]


def test_nobody_is_no_voter(host: Host) -> None:
    """A host that lets anonymous visitors in gets no vote under the empty name."""
    assert host.post("/action/vote/1/1", data={}).status_code == 404
    assert votes_of(host, MEETING) == [0, 0, 0]


def test_a_link_can_not_vote(host: Host) -> None:
    """Only POST."""
    assert host.get("/action/vote/1/1", query_string=LOGGED).status_code == 405
    assert votes_of(host, MEETING) == [0, 0, 0]


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("voted", "Thank you, your vote is counted."),
        ("changed", "Your vote is changed. Only the new one counts."),
        ("created", "Your poll is open. Tell the others about it."),
        ("", ""),
        ("<b>anything</b>", ""),
    ],
)
def test_a_message_is_told_once(host: Host, key: str, sentence: str) -> None:
    """Known keys only, and showing one empties it."""
    answer = host.get("/action/show/1", headers={"X-Plugitsession-message": key})
    assert answer.json["message"] == sentence
    assert answer.headers["EbuIo-PlugIt-SetSession-message"] == ""


def test_administrators_see_who_chose_what(host: Host) -> None:
    """By name; a name that changed since is the new one after the next vote."""
    vote(host, MEETING, 1, LOGGED)
    vote(host, MEETING, 3, {"ebuio_u_pk": "-2", "ebuio_u_username": "<i>Zoë</i>"})
    assert get(host, f"/voters/{MEETING}")["votes"] == [
        {"user": "-2", "username": "<i>Zoë</i>", "response": "Friday"},
        {"user": "-1", "username": "Logged", "response": "Monday"},
    ]


def test_32_threads_vote_and_nothing_is_lost(service: ServiceApp, serve: Callable[[ServiceApp], str]) -> None:
    """Sums are right when everybody votes at once, on a database that is made at that moment."""
    url = serve(service)
    start = threading.Barrier(32)

    def take_part(voter: int) -> list[int]:
        user = {"ebuio_u_pk": str(voter), "ebuio_u_username": f"Voter {voter}"}
        start.wait()
        return [
            requests.post(f"{url}/action/vote/{MEETING}/{response}", data=user, timeout=30).status_code
            for response in (1, 2, voter % 3 + 1)
        ]

    with ThreadPoolExecutor(32) as pool:
        answers = [status for statuses in pool.map(take_part, range(32)) for status in statuses]
    assert Counter(answers) == {200: 96}
    poll = requests.get(f"{url}/action/api/polls/{MEETING}", timeout=10).json()
    assert [each["votes"] for each in poll["responses"]] == [11, 11, 10]
    assert poll["votes"] == 32


# -- Creating


def test_a_new_poll_is_kept_tidied(host: Host) -> None:
    """Blanks in heaps, empty lines and control characters are nobody's intention."""
    poll = create_poll(
        host,
        title="  Which \t colour\x07? ",
        description="a\r\nb",
        responses="\r\nRed\r\n\r\n  Dark   green \x00\r\n👩‍💻 <b>",
    )
    shown = get(host, f"/show/{poll}")["poll"]
    assert shown["title"] == "Which colour?"
    assert shown["description"] == "a b"
    assert [each["text"] for each in shown["responses"]] == ["Red", "Dark green", "👩‍💻 <b>"]
    assert [each["number"] for each in shown["responses"]] == [1, 2, 3]
    assert shown["author"] == "Member"
    assert not shown["illustrated"]


def test_after_creating_the_visitor_is_led_to_the_poll(host: Host) -> None:
    """With a message, and not by showing the page as the answer to the form."""
    answer = create(host)
    assert answer.headers["EbuIo-PlugIt-Redirect"] == "show/4"
    assert answer.headers["EbuIo-PlugIt-SetSession-message"] == "created"


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"title": " \t "}, "title", "Please write something here."),
        ({"title": "x" * 121}, "title", "Please use at most 120 characters; these are 121."),
        ({"description": "x" * 1001}, "description", "Please use at most 1000 characters; these are 1001."),
        ({"responses": ""}, "responses", TWO),
        (
            {"responses": "a\n \n"},
            "responses",
            "Please give at least two responses, each on a line of its own.",
        ),
        ({"responses": "a\nb\n A"}, "responses", "Each response must be different from the others."),
        (
            {"responses": "\n".join("abcdefghijk")},
            "responses",
            "Please give at most 10 responses; these are 11.",
        ),
        ({"responses": "a\n" + "b" * 81}, "responses", "Please use at most 80 characters for a response."),
    ],
)
def test_a_wrong_form_comes_back_with_what_was_typed(
    host: Host, changes: dict[str, str], field: str, sentence: str
) -> None:
    """The one field is marked, nothing is created, the other fields keep their text."""
    answer = create(host, **changes).json
    assert answer["errors"] == {field: sentence}
    expected = {"title": "Which colour?", "description": "", "responses": "Red\nGreen"}
    assert {name: answer["typed"][name] for name in expected.keys() - {field}} == {
        name: text for name, text in expected.items() if name != field
    }
    assert len(get(host, "/")["polls"]) == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "x" * 120},
        {"description": "x" * 1000},
        {"responses": "\n".join("abcdefghij")},
        {"responses": "a" * 80 + "\n" + "b" * 80},
    ],
)
def test_what_just_fits_is_taken(host: Host, changes: dict[str, str]) -> None:
    """Limits are the largest that is allowed."""
    assert create_poll(host, **changes) == 4


def test_the_empty_form_has_no_errors(host: Host) -> None:
    """Whoever has typed nothing yet has done nothing wrong; a form without fields has."""
    assert get(host, "/create/") == {"typed": {}, "errors": {}}
    assert create(host, title="", responses="").json["errors"].keys() == {"title", "responses"}
    assert host.post("/action/create/", data={}).json["errors"].keys() == {"title", "responses"}


def test_the_template_says_the_limits_of_the_code(host: Host) -> None:
    """The browser stops at the same length as the check."""
    text = host.get("/template/create/").text
    assert re.findall(r'name="(\w+)"[^>]* maxlength="(\d+)"', text) == [
        ("title", "120"),
        ("description", "1000"),
    ]


# -- Uploads


@pytest.mark.parametrize(
    ("content", "mimetype"),
    [
        (png(), "image/png"),
        (b"\xff\xd8\xff\xe0 and so on", "image/jpeg"),
        (b"GIF87a and so on", "image/gif"),
        (b"GIF89a and so on", "image/gif"),
        (b"RIFF\n\0\0\0WEBPVP8 ", "image/webp"),
        (png(512 * 1024), "image/png"),
    ],
    ids=["png", "jpeg", "gif87", "gif89", "webp", "largest"],
)
def test_a_picture_is_shown_as_what_it_is(host: Host, content: bytes, mimetype: str) -> None:
    """Whatever the sender calls it: the first bytes decide."""
    poll = create_poll(host, illustration=(io.BytesIO(content), "evil.html", "text/html"))
    assert get(host, f"/show/{poll}")["poll"]["illustrated"]
    answer = host.get(f"/action/illustration/{poll}")
    assert answer.headers["EbuIo-PlugIt-ItAFile"]
    assert answer.headers["Content-Type"] == mimetype
    assert answer.data == content


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "This is not a picture"),
        (b"<html>", "This is not a picture"),
        (b"", "This is not a picture"),
        (b" " + png(), "This is not a picture"),
        (b"RIFF\n\0\0\0WAVEfmt ", "This is not a picture"),
        (b"BM and so on", "This is not a picture"),
        (png(512 * 1024 + 1), "This file is too large: a picture may have 512 KB."),
        (png(3 * 1024 * 1024), "This file is too large: a picture may have 512 KB."),
    ],
    ids=["svg", "html", "empty", "blank first", "sound", "bmp", "a byte too large", "far too large"],
)
def test_what_is_no_small_picture_is_refused(host: Host, content: bytes, sentence: str) -> None:
    """Also when it is called one. Nothing is created."""
    answer = create(host, illustration=(io.BytesIO(content), "nice.png", "image/png")).json
    assert answer["errors"].keys() == {"illustration"}
    assert answer["errors"]["illustration"].startswith(sentence)
    assert answer["typed"]["title"] == "Which colour?"
    assert len(get(host, "/")["polls"]) == 3


def test_a_file_field_left_empty_is_no_upload(host: Host) -> None:
    """Browsers send it with an empty name."""
    poll = create_poll(host, illustration=(io.BytesIO(b""), "", "application/octet-stream"))
    assert not get(host, f"/show/{poll}")["poll"]["illustrated"]
    assert host.get(f"/action/illustration/{poll}").status_code == 404


def test_an_upload_over_a_real_socket(service: ServiceApp, serve: Callable[[ServiceApp], str]) -> None:
    """The way of a browser's form through a server, and back."""
    url = serve(service)
    files = {"illustration": ("dot.png", png(), "image/png")}
    answer = requests.post(f"{url}/action/create/", data=fields(), files=files, timeout=10)
    assert answer.headers["EbuIo-PlugIt-Redirect"] == "show/4"
    assert requests.get(f"{url}/action/illustration/4", timeout=10).content == png()


# -- Downloads


def read_table(answer: Any) -> list[list[str]]:
    return list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))


def test_results_are_a_file_to_save(host: Host) -> None:
    """As an attachment with a name, in an encoding that spreadsheets recognise."""
    answer = host.get(f"/action/export/{DRINK}")
    assert answer.headers["EbuIo-PlugIt-ItAFile"]
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == "attachment; filename=results-2.csv"
    assert answer.data.startswith(b"\xef\xbb\xbfResponse,")
    assert read_table(answer) == [
        ["Response", "Votes", "Percent"],
        ["Tea", "2", "29"],
        ["Coffee", "4", "57"],
        ["Water, please", "1", "14"],
    ]


@pytest.mark.parametrize(
    ("response", "cell"),
    [
        ('=HYPERLINK("http://evil.example","x")', '\'=HYPERLINK("http://evil.example","x")'),
        ("+1+1", "'+1+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'=1"),
        ('a "quoted", word', 'a "quoted", word'),
        ("1=1", "1=1"),
        ("Zürich", "Zürich"),
    ],
)
def test_a_response_is_never_a_formula(host: Host, response: str, cell: str) -> None:
    """A spreadsheet would run it on the machine of whoever opens the table."""
    poll = create_poll(host, responses=f"{response}\nother")
    assert read_table(host.get(f"/action/export/{poll}"))[1] == [cell, "0", "0"]


# -- Mails and comments


def comments_of(host: Host, poll: int) -> list[tuple[str, str]]:
    return [(each["author"], each["text"]) for each in get(host, f"/show/{poll}")["comments"]]


def mail_results(host: Host, poll: int) -> str:
    """The sentence on the page that is shown then."""
    answer = host.post(f"/action/mail/{poll}", data={**LOGGED, "ebuio_u_email": "logged@example.org"})
    assert answer.headers["EbuIo-PlugIt-Redirect"] == f"show/{poll}"
    key = answer.headers["EbuIo-PlugIt-SetSession-message"]
    return str(host.get(f"/action/show/{poll}", headers={"X-Plugitsession-message": key}).json["message"])


def test_where_no_mail_is_sent_it_says_so(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """No host that sends mail is known, or it is away: a sentence, and no error."""
    assert "sends no mail" in mail_results(host, DRINK)
    assert host.post("/action/mail/99", data=LOGGED).status_code == 404
    monkeypatch.setenv("POLLS_API", "http://127.0.0.1:1/")
    assert "sends no mail" in mail_results(Host(load_service(FOLDER)), DRINK)


def test_the_results_come_by_mail_and_an_answer_is_a_comment(
    service: ServiceApp, serve: Callable[[Any], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through the host, there and back."""
    sites: list[Any] = []
    url = serve(lambda environ, start_response: sites[0](environ, start_response))
    monkeypatch.setenv("POLLS_API", f"{url}/s/app/ebuio_api/")
    mailing = load_service(FOLDER)
    sites.append(create_app(serve(mailing)))
    host, visitor = Host(mailing), Client(sites[0])
    assert "The results are in your mail" in mail_results(host, DRINK)
    page = visitor.get("/s/_mail/1").text
    assert "logged@example.org" in page
    assert "Results: Tea or coffee?" in page
    assert re.search(r"^ +\d+ +\d+ %  Tea", page, re.MULTILINE)
    token = page.partition('csrfmiddlewaretoken" value="')[2].partition('"')[0]
    form = {"message": "Cocoa!", "quote": "1", "csrfmiddlewaretoken": token}
    assert visitor.post("/s/_mail/1", data=form).status_code == 303
    assert comments_of(host, DRINK) == [("Logged", "Cocoa!")]


def answer_mail(host: Host, response_id: str, message: str) -> Any:
    return host.post("/mail", data={"response_id": response_id, "message": message}).json


def test_an_answer_that_comes_twice_is_one_comment(host: Host) -> None:
    """A host may be unsure; another answer, person or poll is another comment."""
    for response_id, text in [("2:Zoë", "Tea"), ("2:Zoë", "Tea"), ("2:Zoë", "No: coffee"), ("2:a:b", "Tea")]:
        assert answer_mail(host, response_id, text) == {"result": "Ok"}
    assert comments_of(host, DRINK) == [("Zoë", "Tea"), ("Zoë", "No: coffee"), ("a:b", "Tea")]
    assert comments_of(host, PARTY) == []


@pytest.mark.parametrize("response_id", ["99:x", "x", ":", "-1:x", "\N{SUPERSCRIPT TWO}:x", f"{2**70}:x"])
def test_answers_to_nothing_are_dropped(host: Host, response_id: str) -> None:
    """They are taken, or the host would bring them again and again."""
    assert answer_mail(host, response_id, "Tea") == {"result": "Ok"}


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        ("Tea", "Tea"),
        ("Tea\r\n\r\nZoë\r\n", "Tea\n\nZoë"),
        ("Tea\n\nOn Monday, polls wrote:\n> Results\n", "Tea"),
        ("Two things:\nTea", "Two things:\nTea"),
        ("Tea\n> Results\nmore", "Tea"),
        ("On Monday, polls wrote:\n> Results\n", None),
        (" \n ", None),
        ("x" * 5000, "x" * 1000),
    ],
)
def test_what_the_mail_program_quotes_is_no_comment(host: Host, message: str, kept: str | None) -> None:
    """Only what somebody wrote above it."""
    answer_mail(host, "2:Zoë", message)
    assert comments_of(host, DRINK) == ([] if kept is None else [("Zoë", kept)])


def test_a_database_from_before_the_comments_gets_them(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And keeps its votes."""
    vote(host, DRINK, 1)
    before = votes_of(host, DRINK)
    with sqlite3.connect(tmp_path / "made" / "polls.sqlite3") as db:
        db.execute("DROP TABLE comment")
        db.execute("PRAGMA user_version = 1")
    db.close()
    newer = Host(load_service(FOLDER))
    answer_mail(newer, "2:Zoë", "Tea")
    assert (comments_of(newer, DRINK), votes_of(newer, DRINK)) == ([("Zoë", "Tea")], before)


# -- For programs

NASTY = """<script>alert("&amp;")</script> ]]> 'é\u2028\ufffe"""


def test_all_polls_as_json_for_every_site(host: Host) -> None:
    """CORS for reading, and the pre-flight that a browser may send first."""
    answer = host.get("/action/api/polls")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.json["polls"][0] == {"id": 3, "title": "Where shall the summer party be?", "votes": 8}
    before = host.options("/action/api/polls", headers={"X-Plugit-Origin": "https://other.example"})
    assert before.headers["Access-Control-Allow-Origin"] == "*"
    assert before.headers["Access-Control-Allow-Methods"] == "GET"


def test_one_poll_as_json_is_sent_again_only_when_it_changed(host: Host) -> None:
    """304 for whoever has it, until somebody votes: also when only a vote moved and the sum is the same."""
    vote(host, MEETING, 1)
    path = f"/action/api/polls/{MEETING}"
    etag = host.get(path).headers["ETag"]
    assert re.fullmatch(r'"[0-9a-f]{20}"', etag)
    known = host.get(path, headers={"X-Plugit-If-None-Match": etag})
    assert (known.status_code, known.data, known.headers["ETag"]) == (304, b"", etag)
    vote(host, MEETING, 2)
    changed = host.get(path, headers={"X-Plugit-If-None-Match": etag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != etag
    assert "_plugit_etag" not in changed.json


def test_json_and_xml_carry_every_text_unharmed(host: Host) -> None:
    """Markup is escaped where it is markup; what XML can not carry was never stored."""
    poll = create_poll(host, title=NASTY, description=NASTY, author="<&>")
    kept = NASTY.replace("\u2028", " ").replace("\ufffe", "").strip()
    assert json.loads(host.get(f"/action/api/polls/{poll}").data)["title"] == kept
    feed = ElementTree.fromstring(get(host, "/feed")["xml"].encode("utf-8"))
    assert feed.findtext(f"{ATOM}entry/{ATOM}title") == kept
    assert feed.findtext(f"{ATOM}entry/{ATOM}content") == kept


def test_the_feed_is_atom(host: Host) -> None:
    """What RFC 4287 asks of a feed and its entries is there, once each, and ids differ."""
    text = get(host, "/feed")["xml"]
    assert text.startswith('<?xml version="1.0" encoding="utf-8"?>')
    feed = ElementTree.fromstring(text.encode("utf-8"))
    entries = feed.findall(f"{ATOM}entry")
    for element, wanted in [(feed, {"id", "title", "updated"})] + [
        (entry, {"id", "title", "updated", "author", "content"}) for entry in entries
    ]:
        found = Counter(child.tag.removeprefix(ATOM) for child in element)
        assert {name: found[name] for name in wanted} == dict.fromkeys(wanted, 1)
    assert len({entry.findtext(f"{ATOM}id") for entry in entries}) == 3
    assert all(entry.findtext(f"{ATOM}author/{ATOM}name") for entry in entries)
