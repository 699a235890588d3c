"""What a template can reach, found out from the engine, is what docs/templates.md lists."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import django
import pytest
from django.template import TemplateSyntaxError
from django.template.base import Origin
from django.template.defaulttags import GroupedResult
from django.utils.safestring import SafeString
from tests.unit.templates.rendering import compiled

from plugit_wsgi.interfaces import TemplateFacts
from plugit_wsgi.people import Organization, Rights, User, Visitor
from plugit_wsgi.templates.budget import OverBudget
from plugit_wsgi.templates.compiler import ClosedEngine, ServiceParser
from plugit_wsgi.templates.context import ServiceContext
from plugit_wsgi.templates.data import MISSING, Record
from plugit_wsgi.testing.template_contract import facts_for

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "templates.md").read_text(encoding="utf-8")
SINCE_DJANGO_6 = {"forloop.length"}
WORDS = {"items", "keys", "values", "iteritems", "iterkeys", "itervalues"}
DATA = (str, SafeString, int, bool, float, type(None), date, datetime, time, Record)
HOLDS_DATA = (dict, MappingProxyType, list, tuple, GroupedResult)
FIELDS = ("id", "pk", "username", "first_name", "last_name", "email", "ebuio_member", "ebuio_admin",
          "ebuio_orga_member", "ebuio_orga_admin", "subscription_labels")  # fmt: skip
RADIO = Organization("3", "Radio", "chradio")
ZOE = Visitor(
    user=User("7", "zoe", "Zoë", "M", "zoe@example.org", extra={"phone": "1"}),
    rights=Rights(member=True),
    organization=RADIO,
    organizations=(RADIO,),
    subscription_labels=("gold",),
)
ENGINE = ClosedEngine()


def documented(heading: str) -> set[str]:
    """The words in code type of a section: of its table's first column, else of its first paragraph."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", section, re.M)
    return set(re.findall(r"`([^`]+)`", "\n".join(rows) or section.strip().split("\n\n")[0]))


def context_inside(facts: TemplateFacts) -> ServiceContext:
    """The context of a place in a block in two loops: where most names are."""
    seen: list[ServiceContext] = []

    class Seen:
        def render_inside(self, context: ServiceContext) -> str:
            kept = ServiceContext({}, facts, context.budget)
            kept.dicts = [{name: layer[name] for name in layer} for layer in context.dicts]
            seen.append(kept)
            return ""

        def render(self, data: Mapping[str, Any], facts: TemplateFacts) -> Any:
            raise AssertionError("it can be rendered inside")

    source = "{% load plugit_tags %}{% block content %}{% for mine in 'a' %}{% for mine in 'a' %}"
    source += "{% plugitInclude 'x' %}{% endfor %}{% endfor %}{% endblock %}"
    compiled(source).render({}, dataclasses.replace(facts, include=lambda _action: Seen()))
    return seen[0]


def resolved(context: ServiceContext, name: str) -> Any:
    """What the engine makes of a variable; `MISSING` if it refuses it."""
    parser = ServiceParser([], ENGINE.template_libraries, ENGINE.template_builtins, Origin("test"))
    try:
        value = parser.compile_filter(name).start.find(context)
    except TemplateSyntaxError:
        return MISSING
    return value


def candidates(value: Any) -> set[str]:
    """All that anybody might write after a dot: Python's attributes, keys, fields, positions."""
    names = set(dir(value)) | {"0", "super", "list", "grouper", *FIELDS, *dir(dict), *dir(list), *WORDS}
    if isinstance(value, Mapping):
        names |= set(map(str, value))
    if isinstance(value, Record):
        names |= set(value._fields)
    return names


def reached(context: ServiceContext) -> Iterator[tuple[str, Any]]:
    """All paths and their values, a position in a list as N, from the names of all layers on."""
    waiting = [(name, name) for layer in context.dicts for name in layer if name != "mine"]
    while waiting:
        path, shown = waiting.pop()
        value = resolved(context, path)
        if value is MISSING:
            continue
        yield shown, value
        if isinstance(value, str) or shown.count(".") > 3:
            continue
        for name in candidates(value):
            if (isinstance(value, Mapping) and name in WORDS) or shown == "forloop.parentloop":
                continue
            waiting.append((f"{path}.{name}", f"{shown}.{'N' if name == '0' else name}"))


@lru_cache
def all_reached() -> tuple[tuple[str, Any], ...]:
    facts = facts_for(ZOE, user_fields=FIELDS, organization_mode=True, user_mode="dev")
    return tuple(reached(context_inside(facts)))


def test_names_are_those_of_the_manual() -> None:
    """A name, a field, an attribute more or less fails here until the page says so."""
    listed = documented("Names") - (SINCE_DJANGO_6 if django.VERSION < (6,) else set())
    found = {path for path, _ in all_reached()} - {"ebuio_u.subscription_labels.N"}
    assert found == listed


def compiled_tag(source: str) -> Any:
    """The nodes of a template."""
    return compiled(source)._template.nodelist


LIBRARIES = (*ENGINE.template_builtins, *ENGINE.template_libraries.values())


def test_tags_are_those_of_the_manual() -> None:
    """Built in, or in the one library that can be loaded."""
    assert {name for library in LIBRARIES for name in library.tags} == documented("Tags")


def test_filters_are_those_of_the_manual() -> None:
    """The same for filters."""
    assert {name for library in LIBRARIES for name in library.filters} == documented("Filters")


def is_data(value: Any) -> bool:
    """Nothing with behaviour of the host's, however deep."""
    if isinstance(value, Mapping):
        return type(value) in HOLDS_DATA and all(is_data(each) for each in value.values())
    if isinstance(value, (list, tuple)):
        return type(value) in HOLDS_DATA and all(is_data(each) for each in value)
    return type(value) in DATA


def test_everything_that_is_reached_is_data() -> None:
    """Texts, numbers, lists, mappings, records: no function, no object of the host's."""
    assert [(path, value) for path, value in all_reached() if not is_data(value) or callable(value)] == []


@pytest.mark.parametrize("name", sorted(documented("Filters")))
def test_filters_give_data_of_data(name: str) -> None:
    """No filter turns what a template has into an object of another kind, whatever it is asked for."""
    function = next(library.filters[name] for library in LIBRARIES if name in library.filters)
    values = [value for _, value in all_reached()]
    values += ["a <b>c</b>", [{"n": 2}, {"n": 1}], [[1, [2]]], datetime(2024, 1, 2), 1.5, -3, {"a": {"b": 1}}]
    made = []
    for value in values:
        for arguments in ((), ("n",), ("__class__",), ("0",), (2,), ("r",), (value,), ("SECRET_KEY",)):
            try:
                made.append(function(value, *arguments))
            except (Exception, OverBudget):
                continue
    assert made
    assert [each for each in made if not is_data(each)] == []


@pytest.mark.parametrize("fields", [(), ("username",), ("pk", "phone")])
def test_only_allowed_fields_of_a_user_are_there(fields: tuple[str, ...]) -> None:
    """What the mount does not name does not exist, of the visitor and of others; the id does."""
    context = context_inside(facts_for(ZOE, user_fields=fields))
    names = candidates(resolved(context, "ebuio_u")) | {"phone"}
    found = {name for name in names if resolved(context, f"ebuio_u.{name}") is not MISSING}
    assert found == {"id", *fields}


def test_an_answer_cannot_take_a_name_of_the_hosts() -> None:
    """Its keys are below."""
    names = {path for path, _ in all_reached() if "." not in path} - {
        "block",
        "forloop",
        "True",
        "False",
        "None",
    }
    facts = facts_for(ZOE, user_fields=FIELDS, organization_mode=True, user_mode="dev")
    context = ServiceContext(dict.fromkeys(names, "posed"), facts, compiled("")._budget)
    assert [name for name in names if resolved(context, name) == "posed"] == []


@pytest.mark.parametrize("found", [object(), len, [print], {"a": {"b": dict}}, {1, 2}, Path("/etc")])
def test_fields_of_the_host_are_made_data(found: object) -> None:
    """Whatever it gave as a field of the visitor, or of another user that a template names."""
    visitor = Visitor(user=User("7", extra={"field": found}))
    facts = facts_for(visitor, user_fields=("field",), get_user=lambda _pk: {"field": found})
    assert is_data(resolved(context_inside(facts), "ebuio_u.field"))
    context = ServiceContext({}, facts, compiled("")._budget)
    compiled_tag("{% load plugit_tags %}{% plugitGetUser 1 as who %}").render(context)
    assert is_data(resolved(context, "who.field"))
