"""A pytest plugin for the tests inside the portal: Django as the portal sets it, and an empty database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import django
import pytest

django.setup()

from django.contrib.auth.models import Group, User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test.utils import setup_test_environment  # noqa: E402
from portal.models import Organization, Plan, Subscription  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def _tables() -> None:
    setup_test_environment()
    call_command("migrate", verbosity=0)


@pytest.fixture(autouse=True)
def _empty(_tables: None) -> Iterator[None]:
    """Each test begins without people."""
    yield
    for model in (Subscription, Plan, Organization, Group, User):
        model.objects.all().delete()
    connection.close()


@pytest.fixture
def queries() -> Callable[[], AbstractContextManager[list[str]]]:
    """`with queries() as asked`: what the database is asked meanwhile, by this thread."""

    @contextmanager
    def watched() -> Iterator[list[str]]:
        asked: list[str] = []

        def keep(execute: Any, sql: str, *more: Any) -> Any:
            asked.append(sql)
            return execute(sql, *more)

        with connection.execute_wrapper(keep):
            yield asked

    return watched
