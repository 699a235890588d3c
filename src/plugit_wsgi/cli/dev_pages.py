"""Markup of the development host: the switches in the navbar, the page that says what runs, the inspector."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence

from ..config import Service
from ..events import Event, Fault, Refused, ServiceCalled
from .choice import Choice
from .site import Markup, joined, markup
from .standalone import LABELS, ORGANIZATIONS

KEPT = 20
"""Calls that the inspector shows."""


class Calls:
    """An observer that remembers the newest calls and faults. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: deque[Event] = deque(maxlen=KEPT)

    def __call__(self, event: Event) -> None:
        """Takes an event."""
        if isinstance(event, (ServiceCalled, Fault, Refused)):
            with self._lock:
                self._found.append(event)

    def newest(self) -> list[Event]:
        """What is remembered, newest first."""
        with self._lock:
            return list(reversed(self._found))


def switches(choice: Choice, *, base: str, back: str, token: str, organizations: bool) -> Markup:
    """The forms that change user and organization.

    Args:
        choice: now.
        base: URL path of the mount, with trailing slash.
        back: where to return to.
        token: of the forms.
        organizations: whether the organization can be changed.
    """
    hidden = markup(_HIDDEN, token=token, back=back)
    forms = [
        markup(
            _SWITCH,
            **_USER,
            action=f"{base}ebuio_setUser",
            hidden=hidden,
            options=_options(LABELS, choice.mode),
        )
    ]
    if organizations:
        current = choice.organization
        names = {item.id: item.name or item.id for item in (*ORGANIZATIONS, current)}
        forms.append(
            markup(
                _SWITCH,
                **_ORGANIZATION,
                action=f"{base}ebuio_setOrga",
                hidden=hidden,
                options=_options(names, current.id),
            )
        )
    return joined(forms)


def _options(labels: Mapping[str, str], chosen: str) -> Markup:
    return joined(
        markup(_OPTION, value=value, label=label, selected=Markup(" selected") if value == chosen else "")
        for value, label in labels.items()
    )


def look_form(choice: Choice, *, base: str, token: str) -> Markup:
    """The form that changes the layout; arguments as `switches`."""
    return markup(
        _LOOK,
        action=f"{base}ebuio_setLayout",
        hidden=markup(_HIDDEN, token=token, back=""),
        now="Bootstrap 3.4" if choice.classic else "Bootstrap 5",
        other="modern" if choice.classic else "classic",
        label="Bootstrap 5" if choice.classic else "Bootstrap 3.4",
    )


def home_content(
    service: Service, *, base: str, calls: Sequence[Event], look: Markup, operations: str
) -> Markup:
    """The page that says what runs.

    Args:
        service: the one that is shown.
        base: URL of the mount, with trailing slash.
        calls: for the inspector, newest first.
        look: the form that changes the layout.
        operations: URL path of the operations page.
    """
    return markup(
        _HOME,
        operations=operations,
        base=base,
        url=service.url,
        mode=service.mode,
        organizations="on" if service.organizations else "off",
        calls=joined([_row(event) for event in calls]) or Markup(_NO_CALLS),
        kept=KEPT,
        look=look,
    )


def _row(event: Event) -> Markup:
    if isinstance(event, ServiceCalled):
        answer: object = event.status or "none"
        milliseconds = f"{event.seconds * 1000:.1f}"
        return markup(
            _ROW,
            call=event.call,
            method=event.method,
            action=event.action,
            answer=answer,
            milliseconds=milliseconds,
            note=event.error,
        )
    if isinstance(event, Fault):
        return markup(_NOTE, kind=event.kind, action=event.action, note=event.cause)
    reason = f"{event.status}, {event.reason}" if isinstance(event, Refused) else ""
    return markup(_NOTE, kind="refused", action=event.action, note=reason)


_USER = {"id": "dev-user", "label": "User", "name": "mode"}
_ORGANIZATION = {"id": "dev-organization", "label": "Organization", "name": "pk"}
_HIDDEN = (
    '<input type="hidden" name="csrfmiddlewaretoken" value="{token}">'
    '<input type="hidden" name="next" value="{back}">'
)
_SWITCH = """<form method="post" action="{action}">{hidden}
<label class="visually-hidden sr-only" for="{id}">{label}</label>
<select class="form-control form-control-sm input-sm" id="{id}" name="{name}">{options}</select>
<button class="btn btn-sm btn-outline-secondary btn-default" type="submit">Switch</button></form>"""
_HOME = """<h1>Development host</h1>
<p class="lead"><a href="{base}">Look at the service</a>, and switch the user in the bar above.
<a href="{operations}">Operations</a> shows how it does.</p>
<table class="table"><tbody>
<tr><th scope="row">Service</th><td class="text-break">{url}</td></tr>
<tr><th scope="row">Mounted at</th><td class="text-break">{base}</td></tr>
<tr><th scope="row">API for it</th>
<td class="text-break"><a href="{base}ebuio_api/">{base}ebuio_api/</a></td></tr>
<tr><th scope="row">Mode</th><td>{mode}</td></tr>
<tr><th scope="row">Organizations</th><td>{organizations}</td></tr>
<tr><th scope="row">Layout</th><td>{look}</td></tr>
</tbody></table>
<h2>Last calls</h2>
<table class="table table-sm table-condensed" id="calls">
<thead><tr><th scope="col">Call</th><th scope="col">Method</th><th scope="col">Action</th>
<th scope="col">Status</th><th scope="col">ms</th><th scope="col">Note</th></tr></thead>
<tbody>
{calls}
</tbody></table>
<p class="text-muted"><small>The newest {kept}, without bodies; reload to see more.</small></p>"""
_OPTION = '<option value="{value}"{selected}>{label}</option>'
_LOOK = """<form method="post" action="{action}">{hidden}
<input type="hidden" name="layout" value="{other}">{now}
<button class="btn btn-sm btn-outline-secondary btn-default" type="submit">Use {label}</button></form>"""
_NO_CALLS = '<tr><td colspan="6">None yet.</td></tr>'
_ROW = (
    "<tr><td>{call}</td><td>{method}</td><td>{action}</td><td>{answer}</td><td>{milliseconds}</td>"
    '<td class="text-break">{note}</td></tr>'
)
_NOTE = (
    '<tr class="table-warning warning"><td>{kind}</td><td></td><td>{action}</td>'
    '<td class="text-break" colspan="3">{note}</td></tr>'
)
