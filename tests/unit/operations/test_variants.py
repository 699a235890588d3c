"""The variants of a service on the operations page."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.layout.markup import Reader
from tests.unit.operations.test_content import content, state

from plugit_wsgi.deployments import Variant, VariantChange
from plugit_wsgi.operations.records import Noted, Record
from plugit_wsgi.operations.variants import Variants, VariantState, variants_content

MAIN = Record(pages=950, errors=3)


def of(variant: Variant, **more: Any) -> VariantState:
    record = Record(pages=50, errors=2)
    return VariantState(
        **{"variant": variant, "state": "closed", "has_open_calls": False, "record": record, **more}
    )


def noted(at: float, variant: str, field: str, old: str, new: str) -> Noted:
    change = VariantChange(service="polls", variant=variant, field=field, old=old, new=new)
    return Noted(at=at, source="/etc/site/plugit.toml", change=change)


def row(variant: Variant, **more: Any) -> str:
    found = str(variants_content(Variants(deployments=[of(variant, **more)]), MAIN))
    return " ".join(found[found.index(f">{variant.name}<") :].partition("</tr>")[0].split())


def test_a_service_without_variants_says_nothing_of_them() -> None:
    assert variants_content(Variants(), MAIN) == ""
    assert "ariant" not in content(state())


def test_each_variant_has_a_row_and_the_main_deployment_too() -> None:
    """With what is left to it."""
    found = str(
        variants_content(
            Variants(
                deployments=[
                    of(Variant("next", "http://127.0.0.1:2", percent=5)),
                    of(Variant("red", "http://127.0.0.1:3", percent=0.25)),
                ]
            ),
            MAIN,
        )
    )
    Reader(found)
    texts = " ".join(found.split())
    assert "main deployment</th><td></td><td>94.75</td><td></td> <td>950</td><td>3</td>" in texts
    assert "<td>5</td><td>nobody</td><td>50</td><td>2</td>" in row(
        Variant("next", "http://127.0.0.1:2", percent=5)
    )
    assert found.index(">next<") < found.index(">red<")


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({"users": ("1",)}, "1 user"),
        ({"users": ("1", "2"), "groups": ("a",)}, "2 users, 1 group"),
        ({"organizations": ("1", "2"), "when": lambda visitor: True}, "2 organizations, by code"),
    ],
)
def test_lists_are_told_by_their_sizes(named: dict[str, Any], said: str) -> None:
    """Not by whom they name."""
    assert f"<td>{said}</td>" in row(Variant("next", "http://127.0.0.1:2", **named))


@pytest.mark.parametrize(
    ("given", "badge"),
    [
        ({}, "answers"),
        ({"has_open_calls": True}, "some calls rest"),
        ({"state": "open"}, "is not asked"),
        ({"state": "probing"}, "is tried"),
    ],
)
def test_each_variant_has_a_state_of_its_own(given: dict[str, Any], badge: str) -> None:
    assert f">{badge}</span>" in row(Variant("next", "http://127.0.0.1:2"), **given)


def test_changes_are_told_with_their_time() -> None:
    """As they are given; also those of a variant that is gone."""
    changes = [
        noted(90061, "next", "percent", "5", "20"),
        noted(1, "<red>", "users", "", "1,2"),
        noted(1, "red", "variants", "http://127.0.0.1:3", ""),
    ]
    found = content(state(variants=Variants(changes=changes)))
    assert "<li>1970-01-02 01:01:01 UTC: <strong>next</strong> percent from 5 to 20 (plugit.toml)<" in found
    assert "<strong>&lt;red&gt;</strong> users from nothing to 1,2 (plugit.toml)</li>" in found
    assert "<strong>red</strong> URL from http://127.0.0.1:3 to nothing" in found
    assert "main deployment" not in found
