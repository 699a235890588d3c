"""A directory in a database (extra ``sql``): SQLite in a file, PostgreSQL when that is outgrown.

1. A visitor is one query, whatever there is to be known; so a page is one query, and often none.
2. Look-ups are kept for some seconds. What is valid is decided at each call, so nothing outlives its end.
3. A database that does not answer is an error, and nobody is anonymous or without rights because of it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, Select, func, or_, select
from sqlalchemy.engine import URL

from ..clock import Clock, SystemClock
from ..database import Database
from ..errors import ConfigError
from ..people import NO_RIGHTS, Organization, User
from .book import People
from .change import Change
from .lookup import AT_ONCE, as_user, load_people
from .lookups import Lookups
from .person import Person, Told
from .tables import ID_LENGTH, limited_services, organizations, service_organizations, service_rights, users

_MISSING = object()
_IN_NO_ID = re.compile("[\\x00\\ud800-\\udfff]")
_STRANGER: Told = (NO_RIGHTS, (), ())


class SqlDirectory:
    """Users, rights, organizations and subscriptions in a database. Thread-safe.

    Opens nothing before its first call, and anew after a fork. The tables are made by
    ``plugit-wsgi db upgrade URL``.

    Args:
        engine_or_url: ``"sqlite:///people.sqlite3"``, ``"postgresql://USER@HOST/NAME"``, or an engine.
        clock: decides what is valid; None is the machine's.
        lookups_age: seconds for which a process keeps what it looked up; 0 asks each time.

    Raises:
        ConfigError: no such database can be had, or a negative age.
    """

    def __init__(
        self, engine_or_url: Engine | URL | str, *, clock: Clock | None = None, lookups_age: float = 5.0
    ) -> None:
        if isinstance(lookups_age, bool) or not isinstance(lookups_age, (int, float)):
            raise ConfigError("lookups_age", lookups_age, "seconds")
        if not 0 <= lookups_age < math.inf:
            raise ConfigError("lookups_age", lookups_age, "seconds, 0 or more")
        self._database = Database(engine_or_url)
        self._clock = clock or SystemClock()
        self._lookups = Lookups(lookups_age, self._clock)

    def visitor(self, user_id: str | None, service: str) -> Told:
        """See `Directory.visitor`; one query."""
        person = None if user_id is None else self._person(user_id)
        return _STRANGER if person is None else person.visitor_on(service, self._clock.time())

    def visitors(self, user_ids: Sequence[str], service: str) -> Mapping[str, Told]:
        """See `BatchDirectory.visitors`; one query for 500 users."""
        people, now = self._people(user_ids), self._clock.time()
        told = {user_id: person.visitor_on(service, now) for user_id, person in people.items()}
        return {user_id: told.get(user_id, _STRANGER) for user_id in user_ids}

    def user(self, user_id: str) -> User | None:
        """See `Directory.user`."""
        person = self._person(user_id)
        return None if person is None else person.user

    def organization(self, organization_id: str) -> Organization | None:
        """See `Directory.organization`."""
        key = ("organization", organization_id)
        found = self._lookups.get(key, _MISSING)
        if found is _MISSING and _may_be_id(organization_id):
            with self._database.reading() as connection:
                row = connection.execute(
                    select(organizations).where(organizations.c.id == organization_id)
                ).first()
            found = None if row is None else Organization(*row)
            self._lookups.set(key, found)
        return found if isinstance(found, Organization) else None

    def organizations(self, service: str) -> Sequence[Organization]:
        """See `Directory.organizations`; one query, by id."""
        is_limited = select(limited_services).where(limited_services.c.service == service).exists()
        allowed = select(service_organizations.c.organization_id).where(
            service_organizations.c.service == service
        )
        asked = select(organizations).where(or_(~is_limited, organizations.c.id.in_(allowed)))
        with self._database.reading() as connection:
            return tuple(Organization(*row) for row in connection.execute(asked.order_by(organizations.c.id)))

    def members(self, service: str) -> Sequence[User]:
        """See `Directory.members`; one query, by id. Without memberships and groups."""
        asked = _of_members(
            service,
            users.c.id.label("user_id"),
            users.c.username.label("name"),
            users.c.first_name.label("first"),
            users.c.last_name.label("last"),
            users.c.email,
            users.c.member,
            users.c.admin,
            users.c.extra.label("content"),
        )
        with self._database.reading() as connection:
            return tuple(as_user(row) for row in connection.execute(asked.order_by(users.c.id)))

    def knows_email(self, address: str, service: str) -> bool:
        """See `KnowsAddresses.knows_email`: that of a member. One query for all addresses of a service."""
        key = ("emails", service)
        found: frozenset[str] | None = self._lookups.get(key, None)
        if found is None:
            with self._database.reading() as connection:
                emails = connection.execute(_of_members(service, users.c.email)).scalars()
                found = frozenset(email.lower() for email in emails if email)
            self._lookups.set(key, found)
        return address.lower() in found

    def subscription_labels(self, user_id: str, service: str) -> Sequence[str]:
        """See `Directory.subscription_labels`."""
        person = self._person(user_id)
        return () if person is None else person.labels_on(service, self._clock.time())

    def groups(self, user_id: str) -> Sequence[str]:
        """See `Directory.groups`."""
        person = self._person(user_id)
        return () if person is None else person.user.groups

    def groups_of(self, user_ids: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """See `BatchDirectory.groups_of`; one query for 500 users."""
        people = self._people(user_ids)
        return {user_id: people[user_id].user.groups if user_id in people else () for user_id in user_ids}

    @contextmanager
    def change(self) -> Iterator[Change]:
        """A transaction of changes: all of them, or none. Other processes see them after `lookups_age`.

        Raises:
            DatabaseError: the database does not answer, or refuses one of them.
        """
        with self._database.writing() as connection:
            yield Change(connection)
        self._lookups.clear()

    def save(self, people: People) -> None:
        """Adds people, or puts them into the place of those with the same ids; others stay.

        Raises:
            ConfigError: something that a database cannot hold.
            DatabaseError: as `change`.
        """
        with self.change() as change:
            change.save(people)

    def close(self) -> None:
        """Gives all connections back to the system."""
        self._database.close()

    def _person(self, user_id: str) -> Person | None:
        return self._people([user_id]).get(user_id)

    def _people(self, user_ids: Sequence[str]) -> dict[str, Person]:
        wanted = [user_id for user_id in dict.fromkeys(user_ids) if _may_be_id(user_id)]
        kept = {user_id: self._lookups.get(("user", user_id), _MISSING) for user_id in wanted}
        unknown = [user_id for user_id, person in kept.items() if person is _MISSING]
        for start in range(0, len(unknown), AT_ONCE):
            asked = unknown[start : start + AT_ONCE]
            with self._database.reading() as connection:
                found = load_people(connection, asked, self._clock.time())
            for user_id in asked:
                kept[user_id] = found.get(user_id)
                self._lookups.set(("user", user_id), kept[user_id])
        return {user_id: person for user_id, person in kept.items() if person is not None}


def _of_members(service: str, *columns: Any) -> Select[Any]:
    on_service = (service_rights.c.user_id == users.c.id) & (service_rights.c.service == service)
    return (
        select(*columns)
        .outerjoin_from(users, service_rights, on_service)
        .where(func.coalesce(service_rights.c.member, users.c.member))
    )


def _may_be_id(text: str) -> bool:
    """Nobody has another id, and the one or other database would stumble over it."""
    return 0 < len(text) <= ID_LENGTH and _IN_NO_ID.search(text) is None
