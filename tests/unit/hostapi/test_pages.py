"""Lists of the API come in pages: one call costs the host so much, and the SDK puts them together."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
import webob
from tests.support.servers import serve_in_thread

from plugit_wsgi.config import Limits, Service
from plugit_wsgi.directory import StaticDirectory
from plugit_wsgi.hostapi.api import MOST, ServiceApi
from plugit_wsgi.people import Organization, Rights, User
from plugit_wsgi.sdk import PlugItAPI

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

MANY = 2 * MOST + 5
LISTS = {"members/": "members", "orgas/": "data"}


class Counting(StaticDirectory):
    """A directory that counts who was looked up."""

    looked_up = 0

    def visitor(self, user_id: str, service: str) -> Any:
        self.looked_up += 1
        return super().visitor(user_id, service)

    def groups(self, user_id: str) -> Any:
        self.looked_up += 1
        return super().groups(user_id)


@pytest.fixture
def directory() -> Counting:
    users = [User(str(number), groups=(f"g{number}",)) for number in range(MANY)]
    organizations = [Organization(str(number)) for number in range(MANY)]
    rights = {"polls": {user.id: Rights(member=True) for user in users}}
    return Counting(users, organizations=organizations, rights=rights)


@pytest.fixture
def api(directory: Counting) -> ServiceApi:
    service = Service("polls", "http://127.0.0.1:1")
    return ServiceApi(service, directory=directory, deliver=None, limits=Limits())


def ask(api: ServiceApi, path: str, query: str = "") -> tuple[int, Any]:
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/" + path, "QUERY_STRING": query}
    answer = api.answer(webob.Request(environ), path)
    assert isinstance(answer.body, bytes)
    return answer.status, json.loads(answer.body)


@pytest.mark.parametrize(("path", "name"), LISTS.items())
def test_pages(api: ServiceApi, path: str, name: str) -> None:
    """In the directory's order, each with where the next one begins; the last with none."""
    first, second, last = (ask(api, path, f"from={start}")[1] for start in (0, MOST, 2 * MOST))
    assert ask(api, path)[1] == first
    assert [len(page[name]) for page in (first, second, last)] == [MOST, MOST, 5]
    assert [page.get("next") for page in (first, second, last)] == [MOST, 2 * MOST, None]
    told = [each["id"] for page in (first, second, last) for each in page[name]]
    assert len(set(told)) == MANY
    assert ask(api, path, f"from={MANY}")[1] == {name: []}


@pytest.mark.parametrize("path", ["members/", "techgroups/"])
def test_one_call_looks_up_no_more_than_a_page(api: ServiceApi, directory: Counting, path: str) -> None:
    """What a directory answers may be a query of a database each time."""
    status, _found = ask(api, path)
    assert status == 200
    assert directory.looked_up == MOST


@pytest.mark.parametrize(
    "query", ["from=-1", "from=x", "from=", "from=1e3", "from=%D9%A1", "from=" + "1" * 10]
)
def test_a_page_that_is_no_number(api: ServiceApi, query: str) -> None:
    """400."""
    assert ask(api, "members/", query)[0] == 400


@pytest.fixture
def plugit(api: ServiceApi) -> Iterator[PlugItAPI]:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        answer = api.answer(webob.Request(environ), environ["PATH_INFO"][1:])
        assert isinstance(answer.body, bytes)
        start_response(f"{answer.status} OK", list(answer.headers))
        return [answer.body]

    with serve_in_thread(app) as url:
        yield PlugItAPI(url + "/")


@pytest.mark.parametrize("call", [PlugItAPI.get_project_members, PlugItAPI.get_orgas])
def test_the_sdk_gives_all_pages(plugit: PlugItAPI, call: Callable[[PlugItAPI], Any]) -> None:
    """Each entry once."""
    assert {each.id for each in call(plugit)} == {str(number) for number in range(MANY)}
