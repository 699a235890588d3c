"""The voting service, action by action.

An action is a function that gets a request and answers with data. The host looks at the decorators (they are
the action's "meta"), lets the right people in, calls the action, renders the template with the data and puts
the page into its own layout. This file shows, one by one, what an action can ask for and answer with.

Start reading at `home`. Run it: plugit-wsgi serve examples/polls
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import asdict
from typing import Any

import config
import exports
import forms
import mails
from samples import SAMPLES
from store import Poll, PollStore
from werkzeug.exceptions import NotFound

from plugit_wsgi.sdk import (
    PlugItRedirect,
    PlugItSendFile,
    PlugItSetSession,
    Request,
    action,
    cache,
    crossdomain,
    get_session_from_request,
    json_only,
    no_template,
    only_admin_user,
    only_logged_user,
    only_member_user,
    send_etag,
    user_info,
    xml_only,
)

STORE = PollStore(config.POLLS_DATABASE, SAMPLES)

# What `show` says once, after something was done. The session carries the key and never the sentence.
MESSAGES = {
    "created": "Your poll is open. Tell the others about it.",
    "voted": "Thank you, your vote is counted.",
    "changed": "Your vote is changed. Only the new one counts.",
    "mailed": "The results are in your mail. Answer it, and your answer is a comment here.",
    "unmailed": "This site sends no mail just now, so the results stay here.",
}


# -- Pages ---------------------------------------------------------------------------------------------------


# A route and a template are all that a page needs: what the function returns, the template can show.
@action("/", template="list.html")
def home(request: Request) -> dict[str, Any]:
    # The session: values of ours that the host keeps for this visitor (see `show`, which sets them).
    seen = get_session_from_request(request).get("seen", "")
    return {
        "polls": STORE.newest(),  # dataclasses, dates, ... : whatever can be JSON
        "last": STORE.find(int(seen)) if seen.isdecimal() else None,
    }


# The menu stands in all pages: their templates say {% plugitInclude "menu/" %}, which renders the template of
# this action inside theirs. Nobody comes here for its own sake; `no_template` would give them the bare menu.
@action("/menu/", template="menu.html")
@no_template()
def menu(request: Request) -> dict[str, Any]:
    return {}


# Routes have parameters. `user_info` asks the host to tell us these fields of whoever is visiting.
@action("/show/<int:poll_id>", template="show.html")
@user_info(["pk"])
def show(request: Request, poll_id: int) -> PlugItSetSession:
    session = get_session_from_request(request)
    data = {
        "poll": get_poll(poll_id),
        "choice": STORE.choice(poll_id, user_of(request, "pk")),
        "comments": STORE.comments(poll_id),
        "message": MESSAGES.get(session.get("message", ""), ""),
    }
    # Any answer can be wrapped to set session values on its way: the message is told, so it goes.
    return PlugItSetSession(data, {"seen": str(poll_id), "message": ""})


# The host refuses everybody who is not logged in, before it calls us. Only POST, so that no link and no
# picture can vote; the form carries a {% csrf_token %}, which the host checks.
@action("/vote/<int:poll_id>/<int:response>", methods=["POST"])
@only_logged_user()
@user_info(["pk", "username"])
def vote(request: Request, poll_id: int, response: int) -> PlugItSetSession:
    user, username = user_of(request, "pk"), user_of(request, "username")
    before = STORE.choice(poll_id, user)
    if not user or not STORE.vote(poll_id, response, user=user, username=username):
        raise NotFound
    # A redirect counts from where the host mounted us. After it, a reload of the page does not vote again.
    return PlugItSetSession(PlugItRedirect(f"show/{poll_id}"), {"message": "changed" if before else "voted"})


# The host sends mails for us: who the visitor is and where their mail goes is its knowledge, not ours. A host
# that sends none is no reason to fail.
@action("/mail/<int:poll_id>", methods=["POST"])
@only_logged_user()
@user_info(["username", "email"])
def mail(request: Request, poll_id: int) -> PlugItSetSession:
    username, address = user_of(request, "username"), user_of(request, "email")
    sent = mails.send_results(get_poll(poll_id), username=username, address=address)
    return PlugItSetSession(PlugItRedirect(f"show/{poll_id}"), {"message": "mailed" if sent else "unmailed"})


# Answers to such mails come here, with the `response_id` that the mail was sent with. They may come twice, if
# the host was not sure that the first one arrived: the store keeps one.
def mail_callback(request: Request) -> None:
    poll, _, author = request.form["response_id"].partition(":")
    text = mails.read_answer(request.form.get("message", ""))
    if poll.isdecimal() and text:
        STORE.comment(int(poll), author=author, text=text)


# One action can show a form and take it. Fields and files arrive as in any web application.
@action("/create/", template="create.html", methods=["GET", "POST"])
@only_member_user()
@user_info(["username"])
def create(request: Request) -> dict[str, Any] | PlugItSetSession:
    if request.method != "POST":
        return {"typed": {}, "errors": {}}
    upload = request.files.get("illustration")
    form = forms.read_poll(request.form, upload.stream if upload and upload.filename else None)
    if form.errors:
        # The same page again, with what was typed: an answer like any other, the template shows the errors.
        return {"typed": form.typed, "errors": form.errors}
    poll_id = STORE.create(form.draft, author=user_of(request, "username"))
    return PlugItSetSession(PlugItRedirect(f"show/{poll_id}"), {"message": "created"})


# For administrators only. The template asks the host for the full names, with {% plugitGetUser %}.
@action("/voters/<int:poll_id>", template="voters.html")
@only_admin_user()
def voters(request: Request, poll_id: int) -> dict[str, Any]:
    return {"poll": get_poll(poll_id), "votes": STORE.votes(poll_id)}


# The host may show what we answered for ten seconds, to everybody (byUser=False) who has the same values in
# our session: nothing on this page may depend on who looks at it.
@action("/results/", template="results.html")
@cache(time=10, byUser=False)
def results(request: Request) -> dict[str, Any]:
    return {"polls": STORE.newest()}


# -- Files ---------------------------------------------------------------------------------------------------


# A file instead of a page. As an attachment, browsers save it under this name.
@action("/export/<int:poll_id>")
def export(request: Request, poll_id: int) -> PlugItSendFile:
    table = io.BytesIO(exports.to_csv(get_poll(poll_id)))
    name = f"results-{poll_id}.csv"
    return PlugItSendFile(table, "text/csv", as_attachment=True, attachment_filename=name)


# A file that is shown in its place. Files that never change need no action: they are in the folder media/.
@action("/illustration/<int:poll_id>")
def illustration(request: Request, poll_id: int) -> PlugItSendFile:
    found = STORE.illustration(poll_id)
    if found is None:
        raise NotFound
    return PlugItSendFile(io.BytesIO(found.content), found.mimetype)


# -- For programs --------------------------------------------------------------------------------------------


# JSON, as it is, without template. `crossdomain` lets the pages of other sites read it in the browser.
@action("/api/polls")
@json_only()
@crossdomain(origin="*", methods=["GET"])
def api_polls(request: Request) -> dict[str, Any]:
    return {"polls": [{"id": each.id, "title": each.title, "votes": each.votes} for each in STORE.newest()]}


# `send_etag` makes a header of `_plugit_etag`, and whoever has this version already gets "304 Not Modified":
# the page of a poll asks every few seconds (media/polls.js), and mostly there is nothing to send.
@action("/api/polls/<int:poll_id>")
@json_only()
@send_etag()
@crossdomain(origin="*", methods=["GET"])
def api_poll(request: Request, poll_id: int) -> dict[str, Any]:
    data = asdict(get_poll(poll_id))
    version = hashlib.sha256(json.dumps(data).encode()).hexdigest()[:20]
    return {**data, "_plugit_etag": f'"{version}"'}


# XML, as it is: the text is in "xml".
@action("/feed")
@xml_only()
def feed(request: Request) -> dict[str, Any]:
    return {"xml": exports.to_atom(STORE.newest(20))}


# -- Shared by the actions -----------------------------------------------------------------------------------


def user_of(request: Request, field: str) -> str:
    """A field of the visitor that `user_info` asked for; "" if nobody is logged in.

    It comes in the query, or with a form in the form. It can be trusted: the host removes whatever visitors
    send under such a name, and nobody but the host can call us (`PI_ALLOWED_NETWORKS`).
    """
    return request.values.get(f"ebuio_u_{field}", "")


def get_poll(poll_id: int) -> Poll:
    """The poll, or an end of the action with 404, which the host shows as its own "not found" page."""
    poll = STORE.find(poll_id)
    if poll is None:
        raise NotFound
    return poll
