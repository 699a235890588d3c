"""The page that describes the API, made of the table of calls.

Classes are Bootstrap's. Long lines are broken here: a layout of a host's own may know no such classes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from markupsafe import Markup

from .calls import CALLS, MOST, SCHEMAS, Call


def describe(*, root: str, document: str, has_key: bool) -> Markup:
    """The content of the page.

    Args:
        root: URL of the API, as a service has it, with trailing slash; may have placeholders.
        document: URL of the OpenAPI document.
        has_key: calls need a key.
    """
    key = Markup(_KEY) if has_key else Markup(_NO_KEY)
    return Markup(_PAGE).format(
        root=root,
        document=document,
        key=key,
        most=MOST,
        curl=_curl(root, has_key),
        index=_joined(Markup(_ENTRY).format(name=call.name, line=_line(call)) for call in CALLS),
        calls=_joined(map(_call, CALLS)),
    )


def _curl(root: str, has_key: bool) -> str:
    header = "-H 'Authorization: Bearer KEY' " if has_key else ""
    return f"curl {header}'{root}user/7'"


def _line(call: Call) -> str:
    return f"{call.methods[0]} {call.path}"


def _call(call: Call) -> Markup:
    notes = [f"{{{call.segment}}}: {call.told}"] if call.segment else []
    notes += [f"?from=N: where the page begins; {MOST} at a time."] if call.is_paged else []
    notes += [f"?{name}=: {told}" for name, told in call.query.items()]
    return Markup(_CALL).format(
        name=call.name,
        line=_line(call),
        summary=call.summary,
        notes=_joined(Markup("<p>{}</p>").format(note) for note in notes),
        fields=_fields(call),
        example=json.dumps(call.example, indent=2, ensure_ascii=False),
    )


def _fields(call: Call) -> Markup:
    if not call.form:
        return Markup("")
    properties = SCHEMAS[call.form]["properties"].items()
    fields = [
        Markup(_FIELD).format(name=name, told=told.get("description", "Text.")) for name, told in properties
    ]
    return Markup(_FORM).format(fields=_joined(fields))


def _joined(parts: Iterable[Markup]) -> Markup:
    return Markup("\n").join(parts)


_KEY: Final = """<p>Each call needs the key of the service:
<code>Authorization: Bearer KEY</code>. Where the mount allows it, services of version 1 have the key in the
URL instead: <code>key/KEY/SERVICE/</code>. A wrong key is refused with 403.</p>"""
_NO_KEY: Final = "<p>Calls need no key here.</p>"
_PAGE: Final = """<div class="plugit-api" style="overflow-wrap: anywhere">
<h1>The API that services call</h1>
<p>Services of this site ask here who a user is, which organizations and subscriptions there are, and to send
mail. It is at <code class="text-break">{root}</code>. For programs there is the same as a document:</p>
<p><a class="btn btn-default btn-outline-secondary" href="{document}">OpenAPI document</a></p>
{key}
<pre class="bg-light border p-3" style="white-space: pre-wrap" role="group" aria-label="Example of a call">
<code>{curl}</code></pre>
<p>Answers are JSON. An error is <code>{{"error": "..."}}</code> with its status; 429 and 503 say with
<code>Retry-After</code> when to come again. A list that has more than {most} entries says
<code>"next": N</code>, and <code>?from=N</code> gives the next page.</p>
<h2 class="h4">Calls</h2>
<ul>
{index}
</ul>
{calls}
</div>"""
_ENTRY: Final = '<li><a href="#call-{name}">{line}</a></li>'
_CALL: Final = """<section aria-labelledby="call-{name}">
<h3 class="h5 mt-4" id="call-{name}"><code>{line}</code></h3>
<p>{summary}</p>
{notes}{fields}
<pre class="bg-light border p-3" style="white-space: pre-wrap" role="group" aria-label="Answer of {line}">
<code>{example}</code></pre>
</section>"""
_FORM: Final = """<p>Fields of the form:</p>
<ul>
{fields}
</ul>"""
_FIELD: Final = "<li><code>{name}</code>: {told}</li>"
