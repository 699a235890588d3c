"""A directory in a database behind real pages: how often it is asked, and what is seen if it is away."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest
from sqlalchemy import event

from plugit_wsgi import Limits
from plugit_wsgi.directory import People, StaticDirectory
from plugit_wsgi.directory.sql import SqlDirectory
from plugit_wsgi.migrations import upgrade
from plugit_wsgi.people import Membership, Plan, Rights, Subscription, User
from plugit_wsgi.testing.clock import FakeClock
from plugit_wsgi.testing.fake_service import FakeService
from tests.integration.conftest import EBU, RTS, Host, MakeHost

USER = User("7", "anna", "Anna", memberships=(Membership(EBU), Membership(RTS, admin=True)), groups=("all",))
GOLD = Plan(id="gold", labels=("gold",))
FIELDS = ("id", "username", "ebuio_member", "ebuio_orga_member", "subscription_labels")


@pytest.fixture
def directory(tmp_path: Path, clock: FakeClock) -> Iterator[SqlDirectory]:
    """That knows Anna, in a file; it keeps nothing."""
    url = f"sqlite:///{tmp_path}/people.sqlite3"
    upgrade(url)
    found = SqlDirectory(url, clock=clock, lookups_age=0)
    end = datetime.fromtimestamp(clock.time() + 60, timezone.utc)
    found.save(
        People(
            users=(USER, User("6", "olga", "Olga")),
            rights={"x": {"7": Rights(member=True)}},
            dated_subscriptions=(Subscription(plan=GOLD, organization_id="2", valid_until=end),),
        )
    )
    yield found
    found.close()


@pytest.fixture
def count(directory: SqlDirectory) -> Callable[[], int]:
    """How many statements there were since the last time."""
    seen: list[object] = []
    event.listen(directory._database.engine, "before_cursor_execute", lambda *given: seen.append(given))

    def since() -> int:
        found = len(seen)
        seen.clear()
        return found

    return since


@pytest.fixture
def host(make_host: MakeHost, service: FakeService, directory: SqlDirectory, clock: FakeClock) -> Host:
    """With a service of members in organization mode."""
    service.action(
        "/members",
        meta={"only_member_user": True, "only_orga_member_user": True, "user_info": ["subscription_labels"]},
        template="{{ ebuio_u.username }} of {{ ebuio_u.subscription_labels }}",
        answer={},
    )
    service.action("/all", template="Hello {{ ebuio_u.username }}", answer={})
    service.action(
        "/other",
        template="{% load plugit_tags %}{% plugitGetUser '6' as other %}{{ other.username }}",
        answer={},
    )
    return make_host(
        directory=directory,
        clock=clock,
        of_service={"organizations": True, "user_fields": FIELDS},
    )


@pytest.mark.parametrize(
    ("path", "text", "queries"),
    [("/s/x/members", "anna", 1), ("/s/x/all", "Hello anna", 1), ("/s/x/other", "olga", 2)],
)
def test_a_page_is_one_query_and_two_if_it_shows_somebody_else(
    host: Host, count: Callable[[], int], path: str, text: str, queries: int
) -> None:
    """Rights, organizations and subscriptions come together."""
    visitor = host.visitor("anna")
    assert text in visitor.get(path).text
    count()
    assert text in visitor.get(path).text
    assert count() == queries


def test_a_page_of_nobody_is_no_query(host: Host, count: Callable[[], int]) -> None:
    """Nobody has nothing."""
    count()
    assert host.visitor().get("/s/x/members").status_code == 403
    assert count() == 0


def test_a_subscription_ends_between_two_pages(host: Host, clock: FakeClock) -> None:
    """The service hears of it with the next page."""
    visitor = host.visitor("anna")
    assert "gold" in visitor.get("/s/x/members").text
    clock.advance(60)
    assert "gold" not in visitor.get("/s/x/members").text


@pytest.mark.parametrize("path", ["/s/x/members", "/s/x/all"])
def test_a_database_that_is_away_is_a_500_and_nobody_is_anonymous(
    host: Host, directory: SqlDirectory, tmp_path: Path, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    """Also where anybody may look; the cause is the log's alone."""
    (tmp_path / "people.sqlite3").unlink()
    directory.close()
    with caplog.at_level(logging.ERROR, "plugit_wsgi"):
        answer = host.visitor("anna").get(path)
    assert answer.status_code == 500
    assert "Hello" not in answer.text
    assert "sqlite" not in answer.text
    assert "DatabaseError" in caplog.text
    assert not (tmp_path / "people.sqlite3").exists()


def test_a_template_looks_users_up_until_the_deadline_only(make_host: MakeHost, service: FakeService) -> None:
    """What one look-up takes is the host's; how many there are is the service's word."""

    class Slow(StaticDirectory):
        def user(self, user_id: str) -> User | None:
            time.sleep(0.02)
            return super().user(user_id)

    template = (
        "{% load plugit_tags %}{% for n in rows %}{% plugitGetUser '6' as u %}{{ u.username }}{% endfor %}"
    )
    service.action("/a", template=template, answer={"rows": [0] * 500})
    host = make_host(directory=Slow(users=[USER]), limits=Limits(page=0.5))
    started = time.monotonic()
    assert host.visitor().get("/s/x/a").status_code == 504
    assert time.monotonic() - started < 3
