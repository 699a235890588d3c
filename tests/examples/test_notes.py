"""The notes of organizations, as a host sees them: the folder, loaded and called over the protocol."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from werkzeug.test import Client, TestResponse

from plugit_wsgi.sdk import ServiceApp, load_service

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "notes"
EBU, RTS = {"ebuio_orgapk": "-1"}, {"ebuio_orgapk": "-2"}


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServiceApp:
    """The service with a database of its own, which does not exist yet."""
    monkeypatch.setattr("sys.path", [*sys.path])  # loading a folder adds it
    monkeypatch.delenv("PLUGIT_SERVICE_KEY", raising=False)
    monkeypatch.setenv("NOTES_DATABASE", str(tmp_path / "made" / "notes.sqlite3"))
    return load_service(FOLDER)


@pytest.fixture
def host(service: ServiceApp) -> Client:
    """Whoever calls the service."""
    return Client(service)


def notes_of(host: Client, organization: dict[str, str]) -> list[Any]:
    notes: list[Any] = host.get("/action/", query_string=organization).json["notes"]
    return notes


def add(host: Client, organization: dict[str, str], text: str) -> TestResponse:
    return host.post("/action/add/", data={"text": text, "ebuio_u_username": "Member", **organization})


@pytest.mark.parametrize(
    ("path", "rules"),
    [
        ("/", {"only_orga_member_user": True}),
        ("/add/", {"only_orga_member_user": True, "user_info": ["username"]}),
        ("/delete/1", {"only_orga_admin_user": True}),
        ("/archive/", {"only_orga_member_user": True, "only_subscription": ["archive"]}),
    ],
)
def test_each_action_asks_for_these_rules_and_no_others(
    host: Client, path: str, rules: dict[str, Any]
) -> None:
    """The host enforces what meta says."""
    headers = {"X-Plugit-Protocol": "1; ext=only_subscription"}
    meta = host.get(f"/meta{path}", headers=headers).json
    del meta["template_tag"]
    assert meta == rules


def test_an_organization_sees_its_own_notes(host: Client) -> None:
    """Newest first, with author and time; the other one sees nothing of them."""
    answer = add(host, EBU, "  First\r\n<b>second</b> line ")
    assert answer.headers["EbuIo-PlugIt-Redirect"] == ""  # our start page
    add(host, EBU, "another")
    newest, oldest = notes_of(host, EBU)
    assert newest["text"] == "another"
    assert (oldest["text"], oldest["author"]) == ("First\r\n<b>second</b> line", "Member")
    assert notes_of(host, RTS) == []


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "Please write something."),
        (" \r\n\t ", "Please write something."),
        ("x" * 501, "Please use at most 500 characters; these are 501."),
    ],
)
def test_a_wrong_note_comes_back_with_what_was_typed(host: Client, text: str, error: str) -> None:
    """On the page with the notes, and nothing is added."""
    add(host, EBU, "there")
    answer = add(host, EBU, text).json
    assert answer["error"] == error
    assert answer["typed"] == text.strip()
    assert [note["text"] for note in answer["notes"]] == ["there"]
    assert len(notes_of(host, EBU)) == 1


def test_the_longest_note_is_taken(host: Client) -> None:
    """The limit is the largest that is allowed."""
    add(host, EBU, "x" * 500)
    assert len(notes_of(host, EBU)) == 1


def test_an_organization_deletes_its_own_notes_only(host: Client) -> None:
    """An administrator of one organization can write the number of another one's note into the URL."""
    add(host, EBU, "keep me")
    note = notes_of(host, EBU)[0]["id"]
    assert host.post(f"/action/delete/{note}", data=RTS).status_code == 404
    assert len(notes_of(host, EBU)) == 1
    assert host.post(f"/action/delete/{note}", data=EBU).headers["EbuIo-PlugIt-Redirect"] == ""
    assert notes_of(host, EBU) == []


@pytest.mark.parametrize("note", ["0", "77", "9223372036854775808", "1" * 60])
def test_a_note_that_is_not_there_is_404(host: Client, note: str) -> None:
    """Also when its number is larger than the database can hold."""
    assert host.post(f"/action/delete/{note}", data=EBU).status_code == 404


def test_a_link_can_not_delete(host: Client) -> None:
    """Only POST."""
    assert host.get("/action/delete/1", query_string=EBU).status_code == 405


def test_the_archive_has_what_the_page_has_no_place_for(host: Client) -> None:
    """Of the organization alone."""
    for number in range(101):
        add(host, EBU, str(number))
    add(host, RTS, "of others")
    query = {**EBU, "ebuio_u_subscription_labels": "archive"}
    found = [note["text"] for note in host.get("/action/archive/", query_string=query).json["notes"]]
    assert found == [str(number) for number in reversed(range(101))]
    assert "0" not in [note["text"] for note in notes_of(host, EBU)]
    assert host.get("/action/archive/", query_string=EBU).status_code == 403


@pytest.mark.parametrize("path", ["/action/", "/action/add/"])
def test_without_an_organization_there_is_nothing(host: Client, path: str) -> None:
    """A host that forgot organization mode shows no notes, and takes none that nobody would see."""
    assert host.get(path).status_code == 404
    assert host.post("/action/add/", data={"text": "lost"}).status_code == 404


def test_the_name_of_the_organization_comes_from_the_host(host: Client) -> None:
    """The template prints what the host puts into it; the action never had it."""
    assert "{{ ebuio_orga.name }}" in host.get("/template/").text
    assert host.get("/template/").text == host.get("/template/add/").text


def test_16_threads_write_and_nothing_is_lost_or_mixed_up(
    service: ServiceApp, serve: Callable[[ServiceApp], str]
) -> None:
    """On a database that is made at that moment; each organization gets its own."""
    url = serve(service)
    start = threading.Barrier(16)

    def write(writer: int) -> list[int]:
        start.wait()
        form = {"ebuio_orgapk": f"orga-{writer % 4}", "text": f"by {writer}"}
        return [requests.post(f"{url}/action/add/", data=form, timeout=30).status_code for _ in range(3)]

    with ThreadPoolExecutor(16) as pool:
        assert [status for each in pool.map(write, range(16)) for status in each] == [200] * 48
    for orga in range(4):
        answer = requests.get(f"{url}/action/", params={"ebuio_orgapk": f"orga-{orga}"}, timeout=10).json()
        expected = sorted(f"by {writer}" for writer in range(orga, 16, 4) for _ in range(3))
        assert sorted(note["text"] for note in answer["notes"]) == expected
