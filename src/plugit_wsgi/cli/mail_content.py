"""Markup of the pages that show the mail of services: their texts are shown, and never run."""

from __future__ import annotations

from collections.abc import Sequence
from email.utils import formatdate
from typing import Final

from .mail_source import Source
from .mailbox import KeptMail, Reply
from .site import Markup, joined, markup

LONGEST_ANSWER: Final = 65_536
"""Characters that the form takes."""
_SHOWN_RECIPIENTS: Final = 20
_SHOWN_SOURCE: Final = 100_000
"""Characters of a source that the page shows."""


def link_to_mails(path: str, count: int) -> Markup:
    """The link in the bar.

    Args:
        path: URL path of the list.
        count: mails in it.
    """
    return markup(_LINK, path=path, count=count)


def list_content(mails: Sequence[KeptMail], path: str) -> Markup:
    """The page with all mails.

    Args:
        mails: newest first.
        path: URL path of this page, with trailing slash.
    """
    if not mails:
        return Markup(_EMPTY)
    return markup(_LIST, items=joined(markup(_ITEM, **_summary(kept, path)) for kept in mails))


def mail_content(kept: KeptMail, source: Source, path: str, token: str) -> Markup:
    """The page of one mail.

    Args:
        kept: the mail.
        source: it as a message.
        path: URL path of the list, with trailing slash.
        token: of the form.
    """
    return markup(
        _MAIL,
        **_summary(kept, path),
        list=path,
        message=source.text,
        html=_html(source.html),
        source=_beginning(source.raw),
        replies=markup(_REPLIES, replies=joined(map(_reply, kept.replies))) if kept.replies else "",
        form=_form(kept, path, token) if kept.mail.response_id else Markup(_UNANSWERABLE),
    )


def _html(source: str) -> Markup:
    return markup(_HTML, document=_HARMLESS + source, source=_beginning(source)) if source else Markup("")


def _beginning(text: str) -> str:
    return text if len(text) <= _SHOWN_SOURCE else text[:_SHOWN_SOURCE] + " ..."


def _form(kept: KeptMail, path: str, token: str) -> Markup:
    url = f"{path}{kept.number}"
    return markup(_FORM, url=url, token=token, id=kept.mail.response_id, most=LONGEST_ANSWER)


def quoted_below(text: str, kept: KeptMail, source: Source) -> str:
    """An answer with the mail quoted below it, as mail programs send it."""
    lines = "\n".join(f"> {line}".rstrip() for line in source.text.splitlines())
    return f"{text}\n\nOn {_moment(kept.at)}, {kept.mail.sender} wrote:\n{lines}\n"


def _summary(kept: KeptMail, path: str) -> dict[str, object]:
    mail = kept.mail
    return {
        "url": f"{path}{kept.number}",
        "subject": mail.subject or "(no subject)",
        "sender": mail.sender or "(no sender)",
        "recipients": _recipients(mail.recipients),
        "at": _moment(kept.at),
        "service": mail.service,
        "id": mail.response_id or "none",
        "state": "can be answered" if mail.response_id else "cannot be answered",
        "answers": f" · {_counted(len(kept.replies), 'answer')}" if kept.replies else "",
    }


def _recipients(recipients: Sequence[str]) -> str:
    more = len(recipients) - _SHOWN_RECIPIENTS
    return ", ".join(recipients[:_SHOWN_RECIPIENTS]) + (f" and {more} more" if more > 0 else "")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _moment(seconds: float) -> str:
    return formatdate(seconds, localtime=True)


def _reply(reply: Reply) -> Markup:
    kind, words = _OUTCOMES[reply.outcome]
    words = f"Once more, marked as a repeat: {words}" if reply.is_repeat else words
    said = markup(_SAID, said=reply.said) if reply.said else Markup("")
    return markup(_REPLY, kind=kind, words=words, said=said, at=_moment(reply.at), answer=reply.text)


_OUTCOMES: Final = {
    "taken": ("success", "The service took this answer."),
    "refused": ("warning", "The service did not take this answer. A real host would try again."),
    "missing": ("warning", "The service takes no answers to mails: it has no call of this name."),
    "failed": ("danger", "The service gave no answer that could be used. A real host would try again."),
}
_HARMLESS: Final = (
    '<!DOCTYPE html><meta http-equiv="Content-Security-Policy"'
    " content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">"
)
"""Before the HTML of a mail: the frame runs no scripts and sends no forms, and with this it loads nothing."""
_WRAPPED = "white-space: pre-wrap; word-break: normal; overflow-wrap: anywhere"
_LINK = '<a class="btn btn-sm btn-outline-secondary btn-default" href="{path}">Mail ({count})</a>'
_EMPTY = """<h1>Mail</h1>
<p>No service has sent any mail yet. What a service sends is kept here and goes no further: you can read it,
and answer what has a <code>response_id</code>.</p>"""
_LIST = """<h1>Mail</h1>
<p>What services sent, newest first. It is kept here and goes no further.</p>
<ul class="list-group">
{items}
</ul>"""
_ITEM = """<li class="list-group-item text-break">
<h2 class="h5"><a href="{url}">{subject}</a></h2>
<p class="mb-1">From {sender} to {recipients}</p>
<small>{at} · {state}{answers}</small></li>"""
_MAIL = f"""<h1 class="text-break">{{subject}}</h1>
<p><a href="{{list}}">All mail</a></p>
<table class="table table-sm table-condensed"><tbody>
<tr><th scope="row">From</th><td class="text-break">{{sender}}</td></tr>
<tr><th scope="row">To</th><td class="text-break">{{recipients}}</td></tr>
<tr><th scope="row">Subject</th><td class="text-break">{{subject}}</td></tr>
<tr><th scope="row">Date</th><td>{{at}}</td></tr>
<tr><th scope="row">Service</th><td class="text-break">{{service}}</td></tr>
<tr><th scope="row">Response id</th><td class="text-break">{{id}}</td></tr>
</tbody></table>
<h2>Text</h2>
<pre class="border rounded p-3" id="mail-text" style="{_WRAPPED}">
{{message}}</pre>
{{html}}
<h2>Source</h2>
<p>As a host would send it, from its own address; answers go to one with a token.</p>
<details class="form-group mb-3"><summary style="display: list-item">The whole message</summary>
<pre class="border rounded p-3" id="mail-source" style="{_WRAPPED}">
{{source}}</pre></details>
{{replies}}
<h2>Answer it</h2>
{{form}}"""
_REPLIES = """<h2 id="answers">Answers</h2>
{replies}"""
_HTML = f"""<h2>HTML</h2>
<p>Without scripts, forms, and pictures from elsewhere.</p>
<iframe style="border: 1px solid #ccc" title="HTML of the mail" sandbox="" referrerpolicy="no-referrer"
 width="100%" height="320" srcdoc="{{document}}"></iframe>
<details class="form-group mb-3"><summary style="display: list-item">Its source</summary>
<pre class="border rounded p-3" style="{_WRAPPED}">
{{source}}</pre></details>"""
_FORM = """<form method="post" action="{url}">
<input type="hidden" name="csrfmiddlewaretoken" value="{token}">
<p><label class="form-label" for="mail-answer">Your answer</label>
<textarea class="form-control" id="mail-answer" name="message" rows="5" maxlength="{most}"
 aria-describedby="mail-answer-help"></textarea>
<small id="mail-answer-help">The service gets it as <code>message</code>, with the <code>response_id</code>
<samp class="text-break">{id}</samp>.</small></p>
<div class="checkbox mb-3"><label><input type="checkbox" name="quote" value="1">
Quote the mail below it, as mail programs do</label></div>
<div class="checkbox mb-3"><label><input type="checkbox" name="twice" value="1">
Deliver it twice, as after a crash: the second time marked as a repeat</label></div>
<p><button class="btn btn-primary" type="submit">Send the answer</button></p></form>"""
_UNANSWERABLE = """<p>This mail cannot be answered: it was sent without a <code>response_id</code>. With one,
as in <code>send_mail(..., response_id="42")</code>, answers come to the <code>mail_callback</code> of the
service.</p>"""
_REPLY = f"""<div class="alert alert-{{kind}}"><h3 class="h5">{{words}}</h3>
{{said}}<small>{{at}}</small></div>
<pre class="border rounded p-3" style="{_WRAPPED}">
{{answer}}</pre>"""
_SAID = '<p class="text-break">It said: <samp>{said}</samp></p>'
