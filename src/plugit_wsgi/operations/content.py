"""The words and the markup of the operations page. Texts of services are escaped; classes are Bootstrap's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from ..breaker import State
from .records import Record, Seen, moment
from .variants import NO_VARIANTS, Variants, badge, variants_content

SHOWN_CALLS: Final = 20
"""Open calls that are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Places, and how many are taken. Immutable."""

    taken: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceState:
    """A deployment of a service at one moment. Immutable.

    Attributes:
        name: of the service; of a variant ``name@variant``.
        url, mode: of the deployment.
        mount: URL path, the host's SCRIPT_NAME included.
        state: of its breaker.
        open_calls: calls that are not made for a while.
        calls, streams: under way, and how many may be.
        record: what is remembered.
        variants: those of the service, on its main deployment.
    """

    name: str
    url: str
    mode: str
    mount: str
    state: State
    open_calls: Sequence[str]
    calls: Use
    streams: Use
    record: Record
    variants: Variants = NO_VARIANTS


def content_of(states: Sequence[ServiceState], *, process: int, since: float, now: float) -> Markup:
    """The content of the page.

    Args:
        states: of the services, in the order they are shown.
        process: id of this process.
        since: Unix time from which on things were counted.
        now: Unix time.
    """
    return Markup(_PAGE).format(
        process=process,
        since=moment(since),
        now=moment(now),
        summary=_joined(map(_row, states)) or Markup(_NONE),
        services=_joined(map(_service, states)),
    )


def _row(state: ServiceState) -> Markup:
    return Markup(_ROW).format(
        name=state.name,
        state=badge(state.state, bool(state.open_calls)),
        pages=state.record.pages,
        errors=state.record.errors,
    )


def _service(state: ServiceState) -> Markup:
    named = _joined(Markup("<code>{}</code>").format(call) for call in state.open_calls[:SHOWN_CALLS])
    more = len(state.open_calls) - SHOWN_CALLS
    return Markup(_SERVICE).format(
        name=state.name,
        mount=state.mount,
        url=state.url,
        mode=state.mode,
        state=_WORDS[state.state],
        open_calls=(named + (f" and {more} more" if more > 0 else "")) or "none",
        calls=_use(state.calls),
        streams=_use(state.streams),
        record=Markup(_RECORD).format(
            pages=state.record.pages, errors=state.record.errors, refused=state.record.refused
        ),
        variants=variants_content(state.variants, state.record),
        faults=_faults(state.record.faults),
    )


def _use(use: Use) -> str:
    return f"{use.taken} of {use.count} places"


def _faults(faults: Sequence[Seen]) -> Markup:
    if not faults:
        return Markup(_NO_FAULT)
    return Markup(_FAULTS).format(faults=_joined(map(_fault, faults)))


def _fault(fault: Seen) -> Markup:
    return Markup(_FAULT).format(
        at=moment(fault.at),
        kind=fault.kind,
        action=fault.action,
        cause=fault.cause,
        request_id=fault.request_id,
    )


def _joined(parts: Iterable[Markup]) -> Markup:
    return Markup("\n").join(parts)


_WORDS: Final[dict[State, str]] = {
    "closed": "closed: it is asked",
    "probing": "probing: one request tries whether it answers again",
    "open": "open: it is not asked for a while",
}
_PAGE: Final = """<div class="plugit-operations">
<h1>Operations</h1>
<p>This is what <strong>process {process}</strong> knows, at {now}. It has counted since {since}. Other
processes of this site count for themselves; the next request may come to another one.</p>
<div class="table-responsive" tabindex="0" role="region" aria-label="All services">
<table class="table">
<thead><tr><th scope="col">Service</th><th scope="col">State</th><th scope="col">Pages</th>
<th scope="col">Errors</th></tr></thead>
<tbody>
{summary}
</tbody></table></div>
{services}
</div>"""
_ROW: Final = """<tr><th scope="row"><a href="#service-{name}">{name}</a></th><td>{state}</td>
<td>{pages}</td><td>{errors}</td></tr>"""
_NONE: Final = '<tr><td colspan="4">No service is mounted.</td></tr>'
_SERVICE: Final = """<section aria-labelledby="service-{name}">
<h2 class="h3 mt-5" id="service-{name}">{name}</h2>
<dl class="row dl-horizontal">
<dt class="col-sm-3">Mount</dt><dd class="col-sm-9 text-break"><a href="{mount}">{mount}</a></dd>
<dt class="col-sm-3">URL</dt><dd class="col-sm-9 text-break">{url}</dd>
<dt class="col-sm-3">Mode</dt><dd class="col-sm-9">{mode}</dd>
<dt class="col-sm-3">Circuit</dt><dd class="col-sm-9">{state}</dd>
<dt class="col-sm-3">Calls that rest</dt><dd class="col-sm-9 text-break">{open_calls}</dd>
<dt class="col-sm-3">Calls under way</dt><dd class="col-sm-9">{calls}</dd>
<dt class="col-sm-3">Large files</dt><dd class="col-sm-9">{streams}</dd>
<dt class="col-sm-3">Counted</dt><dd class="col-sm-9">{record}</dd>
</dl>
{variants}
{faults}
</section>"""
_RECORD: Final = (
    "pages: {pages}; errors among them (500 and above): {errors}; refused without a call: {refused}"
)
_NO_FAULT: Final = '<p class="text-muted">No fault since then.</p>'
_FAULTS: Final = """<h3 class="h5">Last faults</h3>
<ul class="list-group">
{faults}
</ul>"""
_FAULT: Final = """<li class="list-group-item">
<strong>{kind}</strong> <code class="text-break">{action}</code>
<div class="text-break">{cause}</div>
<small class="text-muted text-break">{at} · request {request_id}</small></li>"""
