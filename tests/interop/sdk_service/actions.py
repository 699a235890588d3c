"""A service written with this project's SDK, to stand behind the original proxy."""

from __future__ import annotations

import hashlib
import io
import itertools

from werkzeug.exceptions import abort

from plugit_wsgi.sdk import (
    PlugItAPI,
    PlugItRedirect,
    PlugItSendFile,
    PlugItSetSession,
    Request,
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
    only_subscription,
    public,
    send_etag,
    user_info,
    xml_only,
)

COUNT = itertools.count(1)


@action(route="/", template="home.html")
def home(request: Request) -> dict[str, object]:
    """A page."""
    return {"greeting": "Grüezi, Ελλάδα & <b>łódź</b>", "items": ["eins", "zwei"]}


@action(route="/show/<int:number>/<word>", template="show.html")
@user_info(props=["username", "ebuio_admin"])
def show(request: Request, number: int, word: str) -> dict[str, object]:
    """Values of the path, and of the user."""
    return {
        "number": number,
        "word": word,
        "username": request.args.get("ebuio_u_username", ""),
        "admin": request.args.get("ebuio_u_ebuio_admin", ""),
    }


@action(route="/form/", template="form.html", methods=["GET", "POST"])
def form(request: Request) -> dict[str, object]:
    """A form."""
    sent = request.method == "POST"
    return {"sent": sent, "name": request.form.get("name", ""), "choices": request.form.getlist("choice[]")}


@action(route="/upload/", template="upload.html", methods=["GET", "POST"])
def upload(request: Request) -> dict[str, object]:
    """An upload."""
    files = [
        {"field": field, "name": each.filename, "sha256": hashlib.sha256(each.read()).hexdigest()}
        for field in sorted(request.files)
        for each in request.files.getlist(field)
    ]
    return {"files": files, "note": request.form.get("note", "")}


@action(route="/echo/", methods=["GET", "POST", "PUT"])
@json_only()
def echo(request: Request) -> dict[str, object]:
    """What came."""
    return {"method": request.method, "args": sorted(request.args.items(multi=True))}


@action(route="/user/")
@user_info(props=["pk", "username", "email", "ebuio_member", "ebuio_admin", "ebuio_orga_member"])
@json_only()
def user(request: Request) -> dict[str, object]:
    """The user's fields."""
    return dict(request.args.items())


@action(route="/orga/")
@json_only()
def orga(request: Request) -> dict[str, object]:
    """The organization."""
    return {"orga": request.args.get("ebuio_orgapk")}


@action(route="/session/set/<key>/<value>", template="plain.html")
def session_set(request: Request, key: str, value: str) -> PlugItSetSession:
    """Sets a session value."""
    return PlugItSetSession({}, {key: value})


@action(route="/session/get")
@json_only()
def session_get(request: Request) -> dict[str, object]:
    """The session."""
    return {"session": get_session_from_request(request)}


@action(route="/go")
def go(request: Request) -> PlugItRedirect:
    """Below the mount."""
    return PlugItRedirect("form/")


@action(route="/go/host")
def go_host(request: Request) -> PlugItRedirect:
    """Elsewhere on the host."""
    return PlugItRedirect("/elsewhere", no_prefix=True)


@action(route="/file/<kind>")
def file(request: Request, kind: str) -> PlugItSendFile:
    """A file of the folder, or one made now."""
    if kind == "inline":
        return PlugItSendFile("media/note.txt", mimetype="text/plain")
    content = io.BytesIO("Zahlen;Größen\n".encode())
    return PlugItSendFile(content, mimetype="text/csv", as_attachment=True, attachment_filename="table.csv")


@action(route="/json/")
@json_only()
def json_action(request: Request) -> dict[str, object]:
    """JSON."""
    return {"text": "Größe", "list": [1, None, True]}


@action(route="/xml/")
@xml_only()
def xml_action(request: Request) -> dict[str, object]:
    """XML."""
    return {"xml": "<größe/>"}


@action(route="/bare/", template="bare.html")
@no_template()
def bare(request: Request) -> dict[str, object]:
    """Without a layout."""
    return {"word": "nackt"}


@action(route="/cors/", methods=["GET", "PUT"])
@crossdomain(origin="https://friend.example", headers=["x-token"])
@json_only()
def cors(request: Request) -> dict[str, object]:
    """Readable elsewhere."""
    return {"method": request.method}


@action(route="/etag/")
@send_etag()
@json_only()
def etag(request: Request) -> dict[str, object]:
    """With an ETag."""
    return {"_plugit_etag": '"v1"', "word": "etag"}


@action(route="/cached/", template="counted.html")
@cache(time=60)
def cached(request: Request) -> dict[str, object]:
    """Kept by the host."""
    return {"count": next(COUNT)}


@action(route="/cached/by-user", template="counted.html")
@cache(time=60, byUser=True)
def cached_by_user(request: Request) -> dict[str, object]:
    """Kept by the host, for each user."""
    return {"count": next(COUNT)}


@action(route="/status/<int:code>")
def status(request: Request, code: int) -> dict[str, object]:
    """A status."""
    abort(code)


@action(route="/only/logged", template="plain.html")
@only_logged_user()
def rule_logged(request: Request) -> dict[str, object]:
    """For users."""
    return {}


@action(route="/only/member", template="plain.html")
@only_member_user()
def rule_member(request: Request) -> dict[str, object]:
    """For members."""
    return {}


@action(route="/only/admin", template="plain.html")
@only_admin_user()
def rule_admin(request: Request) -> dict[str, object]:
    """For administrators."""
    return {}


@action(route="/only/orga-member", template="plain.html")
@only_orga_member_user()
def rule_orga_member(request: Request) -> dict[str, object]:
    """For members of the organization."""
    return {}


@action(route="/only/orga-admin", template="plain.html")
@only_orga_admin_user()
def rule_orga_admin(request: Request) -> dict[str, object]:
    """For administrators of the organization."""
    return {}


@action(route="/only/subscription", template="plain.html")
@only_subscription("gold", "silver")
@cache(60, byUser=False)
def rule_subscription(request: Request) -> dict[str, object]:
    """For subscribers."""
    return {}


@action(route="/only/here", template="plain.html")
@address_in_networks(["127.0.0.0/8"])
def rule_here(request: Request) -> dict[str, object]:
    """From this machine."""
    return {}


@action(route="/only/elsewhere", template="plain.html")
@address_in_networks(["192.0.2.0/24"])
def rule_elsewhere(request: Request) -> dict[str, object]:
    """From elsewhere."""
    return {}


@action(route="/only/public", template="plain.html")
@public()
def rule_public(request: Request) -> dict[str, object]:
    """For everybody."""
    return {}


@action(route="/callback/")
@json_only()
def callback(request: Request) -> dict[str, object]:
    """Asks the host while the page waits."""
    api = PlugItAPI(request.args["api"])
    friend, rts, orgas = api.get_user("-2"), api.get_orga("-2"), api.get_orgas()
    members = api.get_project_members()
    return {
        "friend": friend.username if friend else None,
        "orga": rts.name if rts else None,
        "orgas": [each.name for each in orgas or ()],
        "members": [each.username for each in members or ()],
    }
