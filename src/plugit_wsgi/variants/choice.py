"""Which deployment of a service a visitor gets: a function of what is known of them, the same in any process.

1. In order: a preview, then, in the order of the variants, users, groups, organizations, `when`; then a lot.
   A variant that is named wins over any percentage, and whatever a visitor sends unsigned chooses nothing.
2. A lot is a number of 10 000, drawn by hashing the user's id, or else the visitor's signed one, with the
   service's name: it is the same as long as that id is, and two services draw independently.
3. Each variant has the lots of its percentage. A percentage that rises keeps all it has. The first variant
   has the lowest lots and the second the highest, so that neither takes any of the other's, whatever rises.
4. A further variant has the free lots that are nearest to a place of its own: it keeps them until those
   before it need them. More cannot be: of three that may each grow to everybody, two would have to share.
5. So the place in the list counts: new variants go to its end, and one that is over keeps its place, with 0
   percent, until those after it are over too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Final

from ..config import Service
from ..deployments import MAIN, Choice, Variant
from ..people import Visitor

LOTS: Final = 10_000
"""One for each hundredth of a percent."""


def choose(
    service: Service,
    visitor: Visitor,
    visitor_id: str,
    previewed: str | None = None,
    *,
    groups: Collection[str] = (),
    organizations: Collection[str] = (),
) -> Choice:
    """The deployment for a visitor.

    Args:
        service: with its variants.
        visitor: who.
        visitor_id: of the browser; counts for nobody who is logged in.
        previewed: name of the variant that a valid preview is for, "" for the main deployment; None without
            one.
        groups: of the user.
        organizations: ids of those that the visitor belongs to. With organization mode, the current one
            alone counts.
    """
    by_preview = None if previewed is None else _by_preview(service, previewed)
    if by_preview is not None:
        return by_preview
    user_id = None if visitor.user is None else visitor.user.id
    if service.organizations:
        organizations = () if visitor.organization is None else (visitor.organization.id,)
    for variant in service.variants:
        if user_id is not None and user_id in variant.users:
            return Choice(variant=variant, by="user")
    for variant in service.variants:
        if _meet(variant.groups, groups):
            return Choice(variant=variant, by="group")
    for variant in service.variants:
        if _meet(variant.organizations, organizations):
            return Choice(variant=variant, by="organization")
    return _by_callable(service, visitor) or _by_lot(service, user_id, visitor_id)


def draws_lots(service: Service) -> bool:
    """Some visitors get another deployment than others because of their ids."""
    return any(0 < variant.hundredths < LOTS for variant in service.variants)


def lot_of(service: str, user_id: str | None, visitor_id: str) -> int:
    """A number from 0 to 9999, drawn for a service by the user's id; without one by the browser's."""
    subject = f"visitor\0{visitor_id}" if user_id is None else f"user\0{user_id}"
    drawn = hashlib.sha256(f"lot\0{service}\0{subject}".encode("utf-8", "surrogatepass"))
    return int.from_bytes(drawn.digest()[:8], "big") * LOTS >> 64


def _meet(wanted: Collection[str], given: Collection[str]) -> bool:
    return bool(wanted) and any(item in wanted for item in given)


def _by_preview(service: Service, previewed: str) -> Choice | None:
    if previewed == "":
        return Choice(by="preview")
    found = next((variant for variant in service.variants if variant.name == previewed), None)
    return None if found is None else Choice(variant=found, by="preview")


def _by_callable(service: Service, visitor: Visitor) -> Choice | None:
    for variant in service.variants:
        try:
            if variant.when is not None and variant.when(visitor):
                return Choice(variant=variant, by="when")
        except Exception as error:  # the host's own; a page must not break by a roll-out
            return Choice(error=error, failed=variant.name)
    return None


def _by_lot(service: Service, user_id: str | None, visitor_id: str) -> Choice:
    holders = _holders(tuple([variant.hundredths for variant in service.variants]))
    holder = holders[lot_of(service.name, user_id, visitor_id)] if holders else 0
    return Choice(variant=service.variants[holder - 1], by="percent") if holder else MAIN


@lru_cache(maxsize=256)
def _holders(hundredths: tuple[int, ...]) -> tuple[int, ...]:
    """Lot -> who has it: 0 the main deployment, 1 the first variant; empty if nobody has one."""
    if not any(hundredths):
        return ()
    holders = [0] * LOTS
    for number, count in enumerate(hundredths):
        free = [lot for lot in _preferred(number) if not holders[lot]] if count else []
        for lot in free[:count]:
            holders[lot] = number + 1
    return tuple(holders)


def _preferred(number: int) -> Iterable[int]:
    """All lots, in the order in which the variant of this number takes those that are free."""
    if number < 2:
        return range(LOTS) if number == 0 else range(LOTS - 1, -1, -1)
    place = _place(number - 1)
    return sorted(range(LOTS), key=lambda lot: (abs(lot - place), lot))


def _place(number: int) -> int:
    """1/2, 1/4, 3/4, 1/8 and so on of the lots: as far from each other as can be, for any count."""
    place, step = 0.0, 0.5
    while number:
        place += step * (number % 2)
        number, step = number // 2, step / 2
    return int(place * LOTS)


__all__ = ["LOTS", "Choice", "Variant", "choose", "draws_lots", "lot_of"]
