"""The part of the operations page about the variants of a service."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from ..breaker import State
from ..deployments import Variant
from .records import Noted, Record, moment


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantState:
    """A variant at one moment. Immutable.

    Attributes:
        variant: with its percentage and lists.
        state: of its breaker.
        has_open_calls: some of its calls are not made for a while.
        record: what is remembered.
    """

    variant: Variant
    state: State
    has_open_calls: bool
    record: Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Variants:
    """The variants of a service at one moment. Immutable.

    Attributes:
        deployments: in the order of the settings.
        changes: the last ones, newest first.
    """

    deployments: Sequence[VariantState] = ()
    changes: Sequence[Noted] = ()


NO_VARIANTS: Final = Variants()


def badge(state: State, has_open_calls: bool) -> Markup:
    """The state of a breaker in a word."""
    return Markup(_BADGES["some" if state == "closed" and has_open_calls else state])


def variants_content(variants: Variants, main: Record) -> Markup:
    """The deployments of a service, and how their settings changed; nothing for one that had only one.

    Args:
        variants: of the service.
        main: what is remembered of the main deployment.
    """
    content = Markup("")
    if variants.deployments:
        left = 100 - sum(item.variant.hundredths for item in variants.deployments) / 100
        rows = [
            Markup(_MAIN).format(percent=f"{left:g}", pages=main.pages, errors=main.errors),
            *map(_row, variants.deployments),
        ]
        content += Markup(_TABLE).format(rows=Markup("\n").join(rows))
    if variants.changes:
        content += Markup(_CHANGES).format(changes=Markup("\n").join(map(_change, variants.changes)))
    return content


def _row(state: VariantState) -> Markup:
    return Markup(_ROW).format(
        name=state.variant.name,
        url=state.variant.url,
        state=badge(state.state, state.has_open_calls),
        percent=f"{state.variant.percent:g}",
        named=_named(state.variant) or "nobody",
        pages=state.record.pages,
        errors=state.record.errors,
    )


def _named(variant: Variant) -> str:
    """How many of each kind: who they are is nobody's business here."""
    counts = (
        ("user", len(variant.users)),
        ("group", len(variant.groups)),
        ("organization", len(variant.organizations)),
    )
    parts = [f"{count} {kind}{'' if count == 1 else 's'}" for kind, count in counts if count]
    return ", ".join([*parts, *(["by code"] if variant.when is not None else [])])


def _change(noted: Noted) -> Markup:
    change = noted.change
    return Markup(_CHANGE).format(
        at=moment(noted.at),
        variant=change.variant,
        field="URL" if change.field == "variants" else change.field,
        old=change.old or "nothing",
        new=change.new or "nothing",
        source=os.path.basename(noted.source),
    )


_BADGES: Final = {
    "closed": '<span class="badge label label-success text-bg-success">answers</span>',
    "some": '<span class="badge label label-warning text-bg-warning">some calls rest</span>',
    "probing": '<span class="badge label label-warning text-bg-warning">is tried</span>',
    "open": '<span class="badge label label-danger text-bg-danger">is not asked</span>',
}
_TABLE: Final = """<div class="table-responsive" tabindex="0" role="region" aria-label="Variants">
<table class="table">
<thead><tr><th scope="col">Variant</th><th scope="col">State</th><th scope="col">Percent</th>
<th scope="col">Named</th><th scope="col">Pages</th><th scope="col">Errors</th></tr></thead>
<tbody>
{rows}
</tbody></table></div>
"""
_MAIN: Final = """<tr><th scope="row">main deployment</th><td></td><td>{percent}</td><td></td>
<td>{pages}</td><td>{errors}</td></tr>"""
_ROW: Final = """<tr><th scope="row">{name}<div class="small text-muted text-break">{url}</div></th>
<td>{state}</td><td>{percent}</td><td>{named}</td><td>{pages}</td><td>{errors}</td></tr>"""
_CHANGES: Final = """<h3 class="h5">Changes of variants</h3>
<ul>
{changes}
</ul>
"""
_CHANGE: Final = "<li>{at}: <strong>{variant}</strong> {field} from {old} to {new} ({source})</li>"
