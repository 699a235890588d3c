"""Variants: checked once, at construction; wrong ones die with field, value and what was expected."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

import plugit_wsgi
from plugit_wsgi.config import Service, Variant, service_from_table
from plugit_wsgi.deployments import VariantChange, variant_changes
from plugit_wsgi.errors import ConfigError

MAIN, NEXT, OTHER = "http://127.0.0.1:5000", "http://127.0.0.1:5001", "http://127.0.0.1:5002"


def error_of(make: Any, *args: Any, **named: Any) -> ConfigError:
    """The error that says what is wrong."""
    with pytest.raises(ConfigError) as caught:
        make(*args, **named)
    return caught.value


def polls(*variants: Variant, **more: Any) -> Service:
    return Service("polls", MAIN, variants=variants, **more)


def test_a_variant_is_a_public_value() -> None:
    """Frozen, with tuples of texts; by default nobody gets it."""
    found = Variant("next", NEXT + "/", users=["7"], groups=["staff"], organizations=["3"], percent=5)  # type: ignore[arg-type]
    assert plugit_wsgi.Variant is Variant
    assert (found.url, found.users, found.groups, found.organizations) == (NEXT, ("7",), ("staff",), ("3",))
    bare = Variant("next", NEXT)
    assert (bare.users, bare.groups, bare.organizations, bare.percent, bare.when) == ((), (), (), 0, None)
    assert not bare.own_sessions
    with pytest.raises(dataclasses.FrozenInstanceError):
        bare.percent = 5  # type: ignore[misc]
    assert hash(polls(Variant("next", NEXT, when=bool)))


@pytest.mark.parametrize("name", ["", "Next", "-a", "a_b", "a@b", "next\n", "x" * 49, None, 1])
def test_names_that_are_not(name: Any) -> None:
    """As those of services."""
    error = error_of(Variant, name, NEXT)
    assert (error.field, error.value) == ("Variant.name", name)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("percent", -1, "0 to 100"),
        ("percent", 100.01, "0 to 100"),
        ("percent", float("nan"), "0 to 100"),
        ("percent", True, "0 to 100"),
        ("percent", "5", "0 to 100"),
        ("percent", None, "0 to 100"),
        ("percent", 1.234, "two decimals"),
        ("users", "7", "list of texts"),
        ("users", [7], "list of texts"),
        ("users", [""], "list of texts"),
        ("groups", None, "list of texts"),
        ("groups", b"x", "list of texts"),
        ("organizations", [None], "list of texts"),
        ("when", True, "called with a Visitor"),
        ("own_sessions", 1, "False, True"),
    ],
)
def test_settings_that_are_not(field: str, value: Any, expected: str) -> None:
    """Each by its name."""
    error = error_of(Variant, "next", NEXT, **{field: value})
    assert error.field == f"Variant('next').{field}"
    assert expected in error.expected


@pytest.mark.parametrize("percent", [0, 0.01, 5, 33.33, 66.67, 99.99, 100, 100.0])
def test_percentages_that_are_fine(percent: float) -> None:
    """Two decimals, and both ends; compared as whole hundredths."""
    assert Variant("next", NEXT, percent=percent).hundredths == round(percent * 100)


@pytest.mark.parametrize("url", ["ftp://x", "//x", None, "http://u:p@127.0.0.1:1", NEXT + "?a=b"])
def test_urls_that_are_not(url: Any) -> None:
    """As those of services; a password in one is not shown."""
    error = error_of(Variant, "next", url)
    assert error.field == "Variant('next').url"
    assert "u:p" not in str(error)


def test_plain_http_off_the_loopback_is_said_by_the_service() -> None:
    """Its allow_http counts for its variants."""
    far = Variant("next", "http://10.1.2.3:5000")
    error = error_of(polls, far)
    assert error.field == "Service('polls').variants['next'].url"
    assert "allow_http=True" in error.expected
    assert polls(far, allow_http=True).variants == (far,)


@pytest.mark.parametrize("url", [MAIN, MAIN + "/", "HTTP://127.0.0.1:5000"])
def test_the_url_of_the_service_is_no_variant(url: str) -> None:
    """In any spelling; nor is that of another variant."""
    error = error_of(polls, Variant("next", url))
    assert error.field == "Service('polls').variants['next'].url"
    assert "the service itself" in error.expected
    error = error_of(polls, Variant("next", NEXT), Variant("other", NEXT))
    assert error.field == "Service('polls').variants['other'].url"
    assert "the variant 'next'" in error.expected
    assert len(polls(Variant("next", MAIN + "/next"), Variant("other", OTHER)).variants) == 2


def test_a_default_port_is_the_same_place() -> None:
    """https://polls.example is https://polls.example:443."""
    same = Variant("next", "https://polls.example:443/")
    error = error_of(Service, "polls", "https://polls.example", variants=(same,))
    assert "the service itself" in error.expected


def test_two_variants_of_a_name() -> None:
    """They would share keys and caches."""
    error = error_of(polls, Variant("next", NEXT), Variant("next", OTHER))
    assert (error.field, error.value) == ("Service('polls').variants", "next")


def test_more_than_all_visitors() -> None:
    """33.33, 33.33 and 33.34 are all of them."""
    error = error_of(polls, Variant("a", NEXT, percent=60), Variant("b", OTHER, percent=40.01))
    assert error.field == "Service('polls').variants.percent"
    assert (error.value, "at most 100" in error.expected) == (100.01, True)
    thirds = [Variant("a", NEXT, percent=33.33), Variant("b", OTHER, percent=33.33)]
    assert polls(*thirds, Variant("c", "http://127.0.0.1:5003", percent=33.34))


# Changes -------------------------------------------------------------------------------


def told(before: list[Variant], after: list[Variant]) -> list[tuple[str, str, str, str]]:
    return [
        (item.variant, item.field, item.old, item.new) for item in variant_changes("polls", before, after)
    ]


def test_what_changed_between_two_settings() -> None:
    """Field by field, in the order of the fields; what stays is not told."""
    before = Variant("next", NEXT, users=("7",), percent=5)
    after = Variant("next", OTHER, users=("7", "8"), percent=7.5, groups=("staff",))
    assert told([before], [before]) == []
    assert told([before], [after]) == [
        ("next", "url", NEXT, OTHER),
        ("next", "users", "7", "7,8"),
        ("next", "groups", "", "staff"),
        ("next", "percent", "5", "7.5"),
    ]
    assert variant_changes("polls", [after], [before])[0] == VariantChange(
        service="polls", variant="next", field="url", old=OTHER, new=NEXT
    )


def test_one_that_comes_or_goes_is_told_with_what_it_has() -> None:
    """Those of before first."""
    gone, new = Variant("old", NEXT, percent=5), Variant("new", OTHER, when=bool)
    assert told([gone], [new]) == [
        ("old", "variants", NEXT, ""),
        ("old", "percent", "5", "0"),
        ("new", "variants", "", OTHER),
        ("new", "when", "", "bool"),
    ]


# TOML ----------------------------------------------------------------------------------


def table(**variant: Any) -> dict[str, Any]:
    return {"name": "polls", "url": MAIN, "variants": [{"name": "next", "url": NEXT, **variant}]}


def test_tables_of_a_file() -> None:
    """By the names of the class; the table is left as it was."""
    given = table(users=["7"], percent=2.5, own_sessions=True)
    found = service_from_table(given, 0)
    assert found.variants == (Variant("next", NEXT, users=("7",), percent=2.5, own_sessions=True),)
    assert given == table(users=["7"], percent=2.5, own_sessions=True)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (table(persent=5), "services[2].variants[0].persent"),
        (table(when="x"), "services[2].variants[0].when"),
        (table(name=1), "Variant.name"),
        (table(percent="5"), "Variant('next').percent"),
        ({"name": "polls", "url": MAIN, "variants": [{"url": NEXT}]}, "services[2].variants[0].name"),
        ({"name": "polls", "url": MAIN, "variants": [{"name": "a"}]}, "services[2].variants[0].url"),
        ({"name": "polls", "url": MAIN, "variants": {"name": "a"}}, "services[2].variants"),
        ({"name": "polls", "url": MAIN, "variants": ["next"]}, "services[2].variants[0]"),
    ],
)
def test_tables_that_are_wrong(given: dict[str, Any], field: str) -> None:
    """By their place in the file."""
    assert error_of(service_from_table, given, 2).field == field
