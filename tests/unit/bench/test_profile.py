"""Where a request goes."""

from __future__ import annotations

import re

import pytest
from bench import counts, profile
from tests.support.require import require

import plugit_wsgi


@pytest.mark.slow
def test_what_is_counted_by_module_is_what_is_counted_in_all() -> None:
    """The same instructions as `bench.counts`, give or take what differs between two tries."""
    require(counts.python() == "3.11", "Python 3.11: later ones trace instructions in another way")
    ours, others = profile.measure()["JSON action"]
    whole = counts.measure()["JSON action"]
    assert abs(sum(ours.values()) - whole["instructions of ours"]) < whole["instructions of ours"] / 50
    assert ours["pipeline"] > 50
    assert {"Python", "webob", "itsdangerous"} <= others.keys()


def test_files_belong_to_modules_and_libraries() -> None:
    package = plugit_wsgi.__file__.removesuffix("__init__.py")
    assert profile.module_of(package + "templates/nodes.py") == "templates/nodes"
    assert profile.library_of("/x/site-packages/django/template/base.py") == "django"
    assert profile.library_of("/x/site-packages/six.py") == "six"
    assert profile.library_of("/usr/lib/python3.11/json/__init__.py") == "Python"


def test_the_table_has_shares() -> None:
    ours = profile.Counter({"pipeline": 75, "http": 25})
    told = profile.table({"page": (ours, profile.Counter({"webob": 3}))})
    assert re.search(r"\| page \| 100 \| `pipeline` 75%, `http` 25% \| webob 3 \|", told)
