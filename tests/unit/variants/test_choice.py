"""Who gets which deployment: the order, and lots that stay with those who drew them."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugit_wsgi.config import Service, Variant
from plugit_wsgi.deployments import MAIN
from plugit_wsgi.people import Organization, User, Visitor
from plugit_wsgi.variants.choice import LOTS, Choice, _holders, choose, draws_lots, lot_of

EXPECTED = [3716, 4301, 2140]
IDS = [f"visitor-{number}" for number in range(10_000)]
ANNA = Visitor(user=User("7", "anna"))
NOBODY = Visitor()


def service(*variants: Variant, name: str = "polls", **more: Any) -> Service:
    return Service(name, "http://127.0.0.1:5000", variants=variants, **more)


def variant(name: str = "next", **more: Any) -> Variant:
    return Variant(name, f"http://127.0.0.1/{name}", **more)


def split(of: Service) -> dict[str, set[str]]:
    """Name of a deployment -> who gets it, of ten thousand anonymous visitors."""
    found: dict[str, set[str]] = {"": set(), **{item.name: set() for item in of.variants}}
    for visitor_id in IDS:
        found[choose(of, NOBODY, visitor_id).name].add(visitor_id)
    return found


def rolled_out(*percentages: float, name: str = "polls") -> dict[str, set[str]]:
    """The same, of a service whose variants a, b, c and so on have these percentages."""
    return split(service(*(variant(chr(97 + i), percent=p) for i, p in enumerate(percentages)), name=name))


def bound(percent: float, count: int = len(IDS)) -> float:
    """Four and a half standard deviations of the binomial distribution: one honest run in 150 000 is out."""
    share = percent / 100
    return 4.5 * math.sqrt(count * share * (1 - share))


# The order ---------------------------------------------------------------------------------

ALL = (
    variant("by-when", when=lambda _visitor: True),
    variant("by-org", organizations=["1"]),
    variant("by-group", groups=["staff"]),
    variant("by-user", users=["7"]),
    variant("by-preview"),
    variant("by-percent", percent=100),
)


@pytest.mark.parametrize(
    ("without", "expected", "by"),
    [
        (0, "by-preview", "preview"),
        (1, "by-user", "user"),
        (2, "by-group", "group"),
        (3, "by-org", "organization"),
        (4, "by-when", "when"),
        (5, "by-percent", "percent"),
        (6, "", "main"),
    ],
)
def test_the_order_in_which_it_is_decided(without: int, expected: str, by: str) -> None:
    """Each way wins over all that come after it, wherever its variant stands in the list."""
    order = ("by-preview", "by-user", "by-group", "by-org", "by-when", "by-percent")
    of = service(*(item for item in ALL if item.name not in order[:without]))
    found = choose(of, ANNA, "b", "by-preview", groups=["x", "staff"], organizations=["2", "1"])
    assert (found.name, found.by) == (expected, by)


def test_nothing_is_chosen_for_who_is_not_named() -> None:
    """No user, group or organization of theirs, and `when` says no."""
    of = service(
        variant("a", users=["7"], groups=["staff"]),
        variant("b", organizations=["1"], when=lambda visitor: visitor.rights.admin),
    )
    assert choose(of, NOBODY, "7") == MAIN
    assert choose(of, Visitor(user=User("8")), "7", None, groups=["guests"], organizations=["2"]) == MAIN
    assert choose(of, ANNA, "x").name == "a"


def test_a_preview_of_a_variant_that_is_gone_is_none() -> None:
    """The visitor gets what they would get without."""
    assert choose(service(variant("a")), ANNA, "x", "gone") == MAIN
    assert choose(service(variant("a", percent=100)), ANNA, "x", "gone").by == "percent"


def test_in_organization_mode_the_current_one_counts() -> None:
    """Whoever acts for another of theirs sees what all see there."""
    named = variant(organizations=["1"])
    one, two = (Visitor(user=ANNA.user, organization=Organization(number)) for number in "12")
    inside, outside = service(named, organizations=True), service(named)
    assert choose(inside, one, "x", organizations=["1", "2"]).by == "organization"
    assert choose(inside, two, "x", organizations=["1", "2"]) == MAIN
    assert choose(inside, NOBODY, "x", organizations=["1"]) == MAIN
    assert choose(outside, NOBODY, "x", organizations=["2", "1"]).by == "organization"


def test_when_that_raises_gives_the_main_deployment() -> None:
    """And says of which variant it was; no later one and no percentage takes over."""

    def broken(_visitor: Visitor) -> bool:
        raise KeyError("no such thing")

    of = service(variant("a", when=broken), variant("b", when=lambda _visitor: True, percent=100))
    found = choose(of, ANNA, "x")
    assert (found.variant, found.by, found.failed) == (None, "main", "a")
    assert isinstance(found.error, KeyError)


# Lots ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("percent", [0.5, 1, 5, 20, 33.33, 50, 95])
def test_each_percentage_is_within_its_statistical_bound(percent: float) -> None:
    """Of ten thousand visitors, and for four services apart."""
    for name in ("polls", "notes", "shop", "a"):
        found = rolled_out(percent, name=name)
        assert abs(len(found["a"]) - len(IDS) * percent / 100) <= bound(percent)


def test_nobody_and_everybody() -> None:
    """0 and 100 are no matter of chance."""
    assert not rolled_out(0)["a"]
    assert not rolled_out(100)[""]
    assert [draws_lots(service(variant(percent=value))) for value in (0, 0.01, 99.99, 100)] == [
        False,
        True,
        True,
        False,
    ]


def test_a_percentage_that_rises_keeps_all_it_has() -> None:
    """And one that falls gives some back to the main deployment, the last who came first."""
    steps = [rolled_out(percent)["a"] for percent in (0.5, 5, 20, 50, 100)]
    assert all(few < many for few, many in pairwise(steps))
    assert rolled_out(20)["a"] == steps[2]


def test_two_services_draw_independently() -> None:
    """Of those in the one roll-out, as many as of all are in the other."""
    both = rolled_out(20, name="polls")["a"] & rolled_out(20, name="notes")["a"]
    assert abs(len(both) - len(IDS) * 0.04) <= bound(4)


def test_two_variants_never_take_from_each_other() -> None:
    """Whichever rises or falls, it does so with visitors of the main deployment alone."""
    for first, second in ((5, 5), (5, 20), (60, 20), (60, 40), (5, 95)):
        found = rolled_out(first, second)
        assert found["a"] == rolled_out(first, 0)["a"]
        assert found["b"] == rolled_out(0, second)["b"]
        assert abs(len(found["b"]) - len(IDS) * second / 100) <= bound(second)


def test_a_further_variant_keeps_its_own_as_long_as_there_is_room() -> None:
    """Those before it do not notice it; it gives way only to one that grows up to it."""
    before, after = rolled_out(5, 5, 10), rolled_out(40, 5, 10)
    assert after["c"] == before["c"]
    assert before["a"] < after["a"]
    assert after["b"] == before["b"] == rolled_out(5, 5, 0)["b"]
    assert before["c"] < rolled_out(5, 5, 30)["c"]
    pressed = rolled_out(80, 5, 10)
    assert abs(len(pressed["c"]) - 1000) <= bound(10)
    assert not pressed["c"] & (pressed["a"] | pressed["b"])


percentages = st.lists(st.integers(0, LOTS), min_size=1, max_size=5).map(
    lambda found: [value // max(1, -(-sum(found) // LOTS)) for value in found]
)


@given(percentages, st.data())
def test_lots_are_given_out_exactly(hundredths: list[int], data: st.DataObject) -> None:
    """Each variant has as many as its percentage says, and one that rises keeps them."""
    holders = _holders(tuple(hundredths)) or (0,) * LOTS
    counts = [holders.count(number + 1) for number in range(len(hundredths))]
    assert counts == hundredths
    which = data.draw(st.integers(0, len(hundredths) - 1))
    rise = data.draw(st.integers(0, LOTS - sum(hundredths)))
    risen = [value + (rise if number == which else 0) for number, value in enumerate(hundredths)]
    after = _holders(tuple(risen)) or (0,) * LOTS
    assert all(new == which + 1 for old, new in zip(holders, after, strict=True) if old == which + 1)


@given(st.text(), st.text())
def test_any_id_draws_a_lot(user_id: str, visitor_id: str) -> None:
    """The user's alone counts for one who is logged in; an id of a browser is never that of a user."""
    found = lot_of("polls", user_id, visitor_id)
    assert 0 <= found < LOTS
    assert found == lot_of("polls", user_id, "another browser")


def test_lots_are_the_same_on_every_machine() -> None:
    """And in each release: another number would change sides for everybody."""
    found = [lot_of("polls", "7", ""), lot_of("polls", None, "7"), lot_of("notes", "7", "")]
    assert found == EXPECTED


def test_a_choice_is_a_value() -> None:
    """Its name is that of the variant."""
    assert Choice(variant=variant()).name == "next"
    assert MAIN.name == ""
