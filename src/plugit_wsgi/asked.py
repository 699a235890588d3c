"""A visit together with what the service says about its action: who shares the answer, and under which key.

1. The key of a kept page holds everything that the service is told (protocol section 5).
2. What would tell visitors apart and is not in the key is not told to the service (see `outgoing`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from .clock import Deadline
from .visits import Visit
from .wire.meta import ActionMeta


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """For whom an answer may be kept. Immutable.

    Attributes:
        cached: the answer may be kept at all.
        by_user: for each user apart.
        by_rights: for each set of rights apart.
        by_labels: for each set of subscription labels apart.
    """

    cached: bool
    by_user: bool
    by_rights: bool
    by_labels: bool

    @property
    def is_anonymous(self) -> bool:
        """Several users share the answer, so the service is not told which one asks."""
        return self.cached and not self.by_user


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question to a service. Immutable.

    Attributes:
        visit: who asks for what.
        meta: of the action.
        deadline: of the page.
        audience: who shares the answer.
        key: under which the answer is kept; None if it must not be.
        is_personal: the answer may depend on the visitor.
        is_stale: what is shown is older than it should be, since the service cannot be asked.
    """

    visit: Visit
    meta: ActionMeta
    deadline: Deadline
    audience: Audience
    key: tuple[object, ...] | None = field(repr=False)
    is_personal: bool
    is_stale: bool = False

    @classmethod
    def of(cls, visit: Visit, meta: ActionMeta, deadline: Deadline) -> Asked:
        """What a visit and a meta make."""
        audience = audience_of(meta, visit)
        alone = (
            audience.by_user
            or audience.by_rights
            or audience.by_labels
            or visit.visitor.organization is not None
        )
        return cls(
            visit=visit,
            meta=meta,
            deadline=deadline,
            audience=audience,
            key=_page_key(visit, meta, audience),
            is_personal=not audience.cached or alone or bool(visit.session.values or visit.cookies.values),
        )

    @property
    def is_framed(self) -> bool:
        """A page of the action comes in the layout."""
        bare = self.meta.json_only or self.meta.xml_only or self.meta.no_template
        return self.visit.service.mode == "pages" or (bool(self.meta.template_tag) and not bare)

    @property
    def question(self) -> tuple[object, ...]:
        """What an answer mostly depends on: what is asked, how, and by whom.

        Not the browser's name and address: of a page that costs too much, a crowd would pay once for each.
        """
        visit = self.visit
        organization = visit.visitor.organization
        return (
            visit.method,
            visit.action,
            self.meta.template_tag,
            visit.query,
            visit.user_id,
            None if organization is None else organization.id,
            tuple(sorted(visit.session.values.items())),
            tuple(sorted(visit.cookies.values.items())),
            None if self.audience.cached else visit.environ.get("HTTP_ACCEPT_LANGUAGE"),
        )

    def later(self, seconds: float) -> Asked:
        """The same with a deadline that much later."""
        deadline = Deadline(self.deadline.at + seconds, self.deadline.clock)
        return replace(self, deadline=deadline)


def audience_of(meta: ActionMeta, visit: Visit) -> Audience:
    """Who shares the answer of an action."""
    by_user = bool(meta.user_info) or (meta.has_rules if meta.cache_by_user is None else meta.cache_by_user)
    return Audience(
        cached=meta.cache_time > 0 and visit.method in ("GET", "HEAD") and visit.service.mode == "actions",
        by_user=by_user,
        by_rights=by_user or meta.has_rules or meta.address_in_networks is not None,
        by_labels=by_user or bool(meta.only_subscription),
    )


def _page_key(visit: Visit, meta: ActionMeta, audience: Audience) -> tuple[object, ...] | None:
    if not audience.cached or visit.method != "GET":
        return None
    visitor = visit.visitor
    return (
        "page",
        visit.service.name,
        visit.action,
        visit.query,
        meta.template_tag,
        meta.rules_digest,
        ("user", visit.user_id) if audience.by_user else None,
        visitor.rights.names() if audience.by_rights else None,
        visitor.subscription_labels if audience.by_labels else None,
        None if visitor.organization is None else visitor.organization.id,
        tuple(sorted(visit.session.values.items())),
        tuple(sorted(visit.cookies.values.items())),
        (visit.origin.scheme, visit.origin.host, visit.links_url),
    )
