# -*- coding: utf-8 -*-
"""The actions of the service: each shows one thing the protocol can do, in the idiom of the original's authors."""

from __future__ import unicode_literals

import hashlib
import io
import json
import threading

from flask import abort, after_this_request, jsonify, make_response, redirect

import config
from plugit.api import PlugItAPI
from plugit.utils import (
    PlugItRedirect,
    PlugItSendFile,
    PlugItSetSession,
    action,
    address_in_networks,
    cache,
    crossdomain,
    get_session_from_request,
    json_only,
    no_template,
    only_admin_user,
    only_logged_user,
    only_member_user,
    only_orga_admin_user,
    only_orga_member_user,
    public,
    send_etag,
    user_info,
    xml_only,
)

ALL_FIELDS = [
    "pk",
    "id",
    "username",
    "first_name",
    "last_name",
    "email",
    "ebuio_member",
    "ebuio_admin",
    "ebuio_orga_member",
    "ebuio_orga_admin",
    "subscription_labels",
]

COUNTS = {}
COUNTS_LOCK = threading.Lock()
MAILS = []


def count(name):
    """How often this was asked, this time included."""
    with COUNTS_LOCK:
        COUNTS[name] = COUNTS.get(name, 0) + 1
        return COUNTS[name]


def pairs(values):
    """Every key with every value, in order of keys."""
    return sorted([key, value] for key in values for value in values.getlist(key))


def describe(upload):
    """What a service sees of one uploaded file."""
    content = upload.read()
    return {
        "field": upload.name,
        "filename": upload.filename,
        "content_type": upload.content_type,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def with_headers(**headers):
    """Put headers on the answer of the running action, the way a Flask author does it."""

    @after_this_request
    def add(response):
        for name, value in headers.items():
            response.headers[name.replace("_", "-")] = value
        return response


# -- Pages


@action(route="/", template="home.html")
def home(request):
    return {"greeting": "Grüezi, Ελλάδα & <b>łódź</b>", "items": ["eins", "zwei", "drei"]}


@action(route="/blocks/", template="blocks.html")
def blocks(request):
    return {"word": "größer"}


@action(route="/plain/", template="plain.html")
def plain(request):
    return {}


@action(route="/language/", template="language.html")
def language(request):
    return {
        "rows": [
            {"name": "Zoë", "size": 2048, "votes": 3, "done": True, "tags": ["a", "b"]},
            {"name": "<i>", "size": 0, "votes": 0, "done": False, "tags": []},
        ],
        "total": 4,
        "empty": None,
        "markup": "<em>fett</em>",
        "links": '<a href="http://example.org/">x</a>',
        "menu": "/menu/",
        "friend": "-2",
    }


@action(route="/menu/", template="menu.html")
def menu(request):
    return {}


@action(route="/context/", template="context.html")
def context(request):
    return {"ebuio_baseUrl": "/forged/", "own": "kept"}


@action(route="/broken-template/", template="broken.html")
def broken_template(request):
    return {}


@action(route="/no-template-at-all/")
def no_template_at_all(request):
    return {"a": 1}


@action(route="/form/", template="form.html", methods=["GET", "POST"])
def form(request):
    if request.method == "POST":
        return {"name": request.form.get("name"), "choices": request.form.getlist("choice[]"), "sent": True}
    return {"name": "", "choices": [], "sent": False}


@action(route="/bare/", template="bare.html")
@no_template()
def bare(request):
    return {"word": "nackt"}


# -- Echo


@action(route="/echo/", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
@json_only()
def echo(request):
    files = [describe(upload) for name in request.files for upload in request.files.getlist(name)]
    form = pairs(request.form)
    return {
        "method": request.method,
        "path": request.path,
        "args": pairs(request.args),
        "form": form,
        "files": sorted(files, key=lambda each: (each["field"], each["filename"])),
        "headers": sorted([name, value] for name, value in request.headers.items()),
        "cookies": dict(request.cookies),
        "data": request.get_data().decode("latin-1"),
        "content_type": request.content_type,
    }


@action(route="/path/<path:rest>")
@json_only()
def path(request, rest):
    return {"rest": rest, "args": pairs(request.args)}


@action(route="/who")
@user_info(props=["pk"])
@json_only()
def who(request):
    return {"pk": request.args.get("ebuio_u_pk"), "all": request.args.getlist("ebuio_u_pk")}


@action(route="/upload/", template="upload.html", methods=["GET", "POST"])
@user_info(props=["username"])
def upload(request):
    files = [describe(each) for name in sorted(request.files) for each in request.files.getlist(name)]
    return {"files": files, "note": request.form.get("note", ""), "by": request.form.get("ebuio_u_username", "")}


@action(route="/json-key/", methods=["POST"])
@json_only()
def json_key(request):
    return {"read": json.loads(list(request.form)[0])}


@action(route="/user/", methods=["GET", "POST"])
@user_info(props=ALL_FIELDS)
@json_only()
def user(request):
    return {"args": pairs(request.args), "form": pairs(request.form)}


@action(route="/user/gravatar")
@user_info(props=["pk", "gravatar"])
@json_only()
def user_gravatar(request):
    return {"args": pairs(request.args)}


@action(route="/orga/", template="orga.html", methods=["GET", "POST"])
def orga(request):
    return {"sent": request.args.get("ebuio_orgapk") or request.form.get("ebuio_orgapk") or "none"}


@action(route="/slash/", template="plain.html", methods=["GET", "POST"])
def slash(request):
    return {}


@action(route="/slash-member/", template="plain.html")
@only_member_user()
def slash_member(request):
    return {}


# -- Rules


@action(route="/only/logged", template="plain.html")
@only_logged_user()
def rule_logged(request):
    return {}


@action(route="/only/member", template="plain.html")
@only_member_user()
def rule_member(request):
    return {}


@action(route="/only/admin", template="plain.html")
@only_admin_user()
def rule_admin(request):
    return {}


@action(route="/only/orga-member", template="plain.html")
@only_orga_member_user()
def rule_orga_member(request):
    return {}


@action(route="/only/orga-admin", template="plain.html")
@only_orga_admin_user()
def rule_orga_admin(request):
    return {}


@action(route="/only/here", template="plain.html")
@address_in_networks(["127.0.0.0/8", "10.0.0.0/8"])
def rule_here(request):
    return {}


@action(route="/only/elsewhere", template="plain.html")
@address_in_networks(["192.0.2.0/24"])
def rule_elsewhere(request):
    return {}


@action(route="/only/public", template="plain.html")
@public()
def rule_public(request):
    return {}


@action(route="/secret")
@only_admin_user()
@json_only()
def secret(request):
    return {"secret": "Sesam öffne dich"}


# -- Session


@action(route="/session/set", template="plain.html")
def session_set(request):
    values = {str(key): value.encode("utf-8") for key, value in request.args.items()}
    return PlugItSetSession({}, values)


@action(route="/session/set-text", template="plain.html")
def session_set_text(request):
    return PlugItSetSession({}, dict(request.args.items()))


@action(route="/session/delete", template="plain.html")
def session_delete(request):
    with_headers(EbuIo_PlugIt_DelSession_v="yes")
    return {}


@action(route="/session/set-and-go")
def session_set_and_go(request):
    return PlugItSetSession(PlugItRedirect("session/get"), {b"step": b"2"})


@action(route="/session/get")
@json_only()
def session_get(request):
    return {"session": get_session_from_request(request), "cookies": dict(request.cookies)}


# -- Redirects and files


@action(route="/go/relative")
def go_relative(request):
    return PlugItRedirect("form/?a=1")


@action(route="/go/slash")
def go_slash(request):
    return PlugItRedirect("/form/")


@action(route="/go/host")
def go_host(request):
    return PlugItRedirect("/elsewhere/on/the/host", no_prefix=True)


@action(route="/go/away")
def go_away(request):
    return PlugItRedirect("http://evil.example/", no_prefix=True)


@action(route="/go/words")
def go_words(request):
    return PlugItRedirect("form/?name=Größe & mehr".encode("utf-8"))


@action(route="/go/post", methods=["POST"])
def go_post(request):
    return PlugItRedirect("form/")


@action(route="/moved/<int:code>", methods=["GET", "POST"])
def moved(request, code):
    abort(redirect("/action/echo/", code=code))


@action(route="/moved-away")
def moved_away(request):
    abort(redirect("http://127.0.0.1:9/action/echo/"))


@action(route="/moved-up")
def moved_up(request):
    abort(redirect("/version"))


@action(route="/file/inline")
def file_inline(request):
    return PlugItSendFile("media/note.txt", mimetype="text/plain")


@action(route="/file/attachment")
def file_attachment(request):
    content = io.BytesIO("Zahlen;Größen\n1;2\n".encode("utf-8"))
    return PlugItSendFile(content, mimetype="text/csv", as_attachment=True, attachment_filename="table.csv")


@action(route="/file/named", methods=["GET", "POST"])
def file_named(request):
    content = io.BytesIO(b"%PDF-1.4 ...")
    name = "Größe & Co; Łódź.pdf"
    result = PlugItSendFile(content, mimetype="application/pdf", as_attachment=True, attachment_filename=name)
    return PlugItSetSession(result, {b"got": b"1"})


@action(route="/file/big")
def file_big(request):
    return PlugItSendFile(io.BytesIO(b"0123456789abcdef" * 131072), mimetype="application/octet-stream")


@action(route="/file/member")
@only_member_user()
def file_member(request):
    return PlugItSendFile("media/note.txt", mimetype="text/plain")


# -- JSON, XML


@action(route="/json/")
@json_only()
def json_object(request):
    return {"text": "<script>Größe</script>", "count": 3}


@action(route="/json/<kind>")
@json_only()
def json_other(request, kind):
    return {"list": [1, "zwei", None], "null": None, "text": "wort", "number": 42}[kind]


@action(route="/xml/")
@xml_only()
def xml(request):
    return {"xml": '<?xml version="1.0" encoding="utf-8"?><größe n="1">ä</größe>'}


@action(route="/xml/text")
@xml_only()
def xml_text(request):
    return "<bare/>"


@action(route="/answer/<kind>", template="plain.html")
def answer(request, kind):
    if kind == "empty":
        abort(make_response(""))
    if kind == "nonsense":
        abort(make_response("<h1>it works</h1>"))
    if kind == "html":
        abort(make_response(json.dumps({"a": 1}), 200, {"Content-Type": "text/html"}))
    return {"list": [1, 2], "null": None, "text": "wort", "number": 42}[kind]


# -- Statuses and headers


@action(route="/status/<int:code>", template="plain.html", methods=["GET", "POST"])
def status(request, code):
    answer = make_response("service says %d" % code, code)
    if code in (429, 503):
        answer.headers["Retry-After"] = "17"
    if code == 401:
        answer.headers["WWW-Authenticate"] = 'Basic realm="service"'
    abort(answer)


@action(route="/made/<int:code>", template="plain.html")
def made(request, code):
    abort(make_response(jsonify(word="gemacht"), code))


@action(route="/crash/", template="plain.html")
def crash(request):
    raise RuntimeError("secret inner detail")


@action(route="/etag/", template="plain.html")
@send_etag()
def etag(request):
    if request.headers.get("X-Plugit-If-None-Match") == '"v1"':
        not_modified = make_response("", 304)
        not_modified.headers["ETag"] = '"v1"'
        abort(not_modified)
    return {"_plugit_etag": '"v1"', "word": "etag"}


@action(route="/etag-json/")
@send_etag()
@json_only()
def etag_json(request):
    if request.headers.get("X-Plugit-If-None-Match") == '"v1"':
        not_modified = make_response("", 304)
        not_modified.headers["ETag"] = '"v1"'
        abort(not_modified)
    return {"_plugit_etag": '"v1"', "word": "etag"}


@action(route="/headers/")
@json_only()
def headers(request):
    with_headers(
        Last_Modified="Sat, 01 Aug 2015 10:00:00 GMT",
        Cache_Control="public, max-age=60",
        Vary="Accept-Language",
        Content_Language="de",
    )
    return {}


@action(route="/bad-headers/", template="plain.html")
def bad_headers(request):
    with_headers(
        Set_Cookie="planted=by-service",
        X_Accel_Redirect="/etc/passwd",
        X_Sendfile="/etc/passwd",
        Service_Worker_Allowed="/",
        Clear_Site_Data='"*"',
        Strict_Transport_Security="max-age=1",
        Content_Security_Policy="default-src *",
        Refresh="0; url=http://evil.example/",
        Link="<http://evil.example/x.css>; rel=stylesheet",
        X_Inner="10.0.0.1",
    )
    return {}


@action(route="/cors/", methods=["GET", "PUT"])
@crossdomain(origin="https://friend.example", methods=["GET", "PUT"], headers=["x-token"])
@json_only()
def cors(request):
    return {"origin": request.headers.get("X-Plugit-Origin")}


@action(route="/cors-member/", methods=["GET"])
@only_member_user()
@crossdomain(origin="*")
@json_only()
def cors_member(request):
    return {}


# -- Caches


@action(route="/cached/all", template="counted.html")
@cache(time=60)
def cached_all(request):
    return {"count": count("all")}


@action(route="/cached/shared", template="counted.html")
@cache(time=60, byUser=False)
def cached_shared(request):
    return {"count": count("shared")}


@action(route="/cached/by-user", template="counted.html")
@cache(time=60, byUser=True)
def cached_by_user(request):
    return {"count": count("by-user")}


@action(route="/cached/logged", template="counted.html")
@only_logged_user()
@cache(time=60)
def cached_logged(request):
    return {"count": count("logged")}


@action(route="/cached/user-info", template="counted.html")
@user_info(props=["username"])
@cache(time=60, byUser=False)
def cached_user_info(request):
    return {"count": count("user-info"), "name": request.args.get("ebuio_u_username", "")}


@action(route="/cached/json")
@cache(time=60)
@json_only()
def cached_json(request):
    return {"count": count("json")}


@action(route="/cached/etag", template="counted.html")
@crossdomain(origin="https://friend.example")
@send_etag()
@cache(time=60)
def cached_etag(request):
    return {"count": count("etag"), "_plugit_etag": '"cached"'}


@action(route="/cached/form", template="counted.html", methods=["GET", "POST"])
@cache(time=60)
def cached_form(request):
    return {"count": count("form")}


@action(route="/cached/session", template="counted.html")
@cache(time=60)
def cached_session(request):
    return PlugItSetSession({"count": count("session")}, {b"mark": b"1"})


@action(route="/cached/status/<int:code>", template="counted.html")
@cache(time=60)
def cached_status(request, code):
    abort(make_response("%d" % count("status-%d" % code), code))


@action(route="/cached/orga", template="counted.html")
@cache(time=60)
def cached_orga(request):
    return {"count": count("orga"), "name": request.args.get("ebuio_orgapk", "")}


@action(route="/cached/private", template="counted.html")
@only_member_user()
@cache(time=60)
def cached_private(request):
    return {"count": count("private")}


# -- The host's API, and mail


@action(route="/callback/", template="callback.html")
def callback(request):
    api = PlugItAPI(request.args.get("api", config.API_URL))
    friend = api.get_user("-2")
    return {
        "friend": friend.username,
        "friend_id": friend.id,
        "orga": api.get_orga("-3").name,
        "orgas": [each.name for each in api.get_orgas()],
        "members": [each.username for each in api.get_project_members()],
    }


@action(route="/send-mail/", methods=["POST"])
@json_only()
def send_mail(request):
    api = PlugItAPI(request.form.get("api", config.API_URL))
    recipients = ["a@example.org", "b@example.org"]
    response_id = request.form.get("response_id")
    sent = api.send_mail("from@example.org", "Größe", recipients, "Liebe Grüße", response_id)
    return {"status": sent.status_code, "answer": sent.json()}


@action(route="/mails/")
@json_only()
def mails(request):
    return {"mails": MAILS}


def mail(request):
    """What plugit calls for a reply to a mail of this service."""
    MAILS.append([request.form["response_id"], request.form["message"]])
    if request.form["response_id"] == "refuse-me":
        return jsonify(result="Error")
    return jsonify(result="Ok")
