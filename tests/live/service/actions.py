"""Actions that say what they got. A mark is [service/action/user/nonce]: it tells whose an answer is."""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import time
from pathlib import Path
from typing import Any

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from plugit_wsgi.sdk import (
    PlugItAPI,
    PlugItRedirect,
    PlugItSendFile,
    PlugItSetSession,
    Request,
    action,
    cache,
    get_session_from_request,
    json_only,
    only_logged_user,
    user_info,
)

NAME = os.environ["LIVE_NAME"]
FILES = Path(os.environ["LIVE_FILES"])


def mark(request: Request, kind: str, nonce: str) -> str:
    """Who it is comes twice: as the field in query or form, and signed."""
    told = request.values.get("ebuio_u_pk", "")
    signed = request.plugit.user.id if request.plugit.user else ""
    assert told in ("", signed)
    return f"[{NAME}/{kind}/{signed}/{nonce}]"


@action("/page/<nonce>", template="page.html", methods=["GET", "POST"])
@user_info(["pk"])
def page(request: Request, nonce: str) -> dict[str, Any]:
    return {"mark": mark(request, "page", nonce)}


@action("/mine/<nonce>", template="page.html")
@only_logged_user()
@cache(time=60)
@user_info(["pk"])
def mine(request: Request, nonce: str) -> dict[str, Any]:
    return {"mark": mark(request, "mine", nonce), "serial": secrets.token_hex(8)}


@action("/shared/<nonce>", template="page.html")
@cache(time=60, byUser=False)
def shared(request: Request, nonce: str) -> dict[str, Any]:
    return {"mark": f"[{NAME}/shared//{nonce}]", "serial": secrets.token_hex(8)}


@action("/session/<nonce>", template="page.html")
@user_info(["pk"])
def session(request: Request, nonce: str) -> PlugItSetSession:
    last = get_session_from_request(request).get("last", "")
    data = {"mark": mark(request, "session", nonce), "last": last}
    return PlugItSetSession(data, {"last": f"{NAME} {nonce}"})


@action("/go/<nonce>", methods=["GET", "POST"])
@user_info(["pk"])
def go(request: Request, nonce: str) -> PlugItRedirect:
    return PlugItRedirect(f"/page/{nonce}?by={mark(request, 'go', nonce)}")


@action("/text/<nonce>")
@user_info(["pk"])
def text(request: Request, nonce: str) -> PlugItSendFile:
    lines = mark(request, "text", nonce) + "\n"
    times = int(request.args.get("times", "1"))
    return PlugItSendFile(io.BytesIO(lines.encode() * times), "text/plain")


@action("/form", template="form.html", methods=["GET", "POST"])
def form(request: Request) -> dict[str, Any]:
    return {"text": request.form.get("text", ""), "tags": request.form.getlist("tag")}


@action("/upload", methods=["POST"])
@json_only()
def upload(request: Request) -> dict[str, Any]:
    file = request.files["file"]
    return {"name": file.filename, "type": file.content_type, "sha256": _sha256(file.stream)}


@action("/body", methods=["POST", "PUT"])
@json_only()
def body(request: Request) -> dict[str, Any]:
    content = request.get_data()
    return {
        "length": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "type": request.content_type,
    }


@action("/download/<name>")
def download(request: Request, name: str) -> PlugItSendFile:
    return PlugItSendFile(str(FILES / name), "application/octet-stream", as_attachment=True)


@action("/status/<int:code>", methods=["GET", "POST"])
def status(request: Request, code: int) -> dict[str, Any]:
    response = Response(status=code, headers={"ETag": '"kept"'})
    if code in (204, 304):
        del response.headers["Content-Type"]
    raise HTTPException(response=response)


@action("/heard", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
@json_only()
def heard(request: Request) -> dict[str, Any]:
    """Everything that came, but for the signed context, which was verified before."""
    headers = {name: value for name, value in request.headers.items() if name != "X-Plugit-Context"}
    user = request.plugit.user.id if request.plugit.user else None
    return {
        "method": request.method,
        "headers": headers,
        "query": request.query_string.decode("latin-1"),
        "form": dict(request.form.lists()),
        "files": [[name, file.filename] for name, file in request.files.items(multi=True)],
        "user": user,
    }


@action("/any/<path:rest>")
@json_only()
def any_path(request: Request, rest: str) -> dict[str, Any]:
    """Whatever path it is asked for."""
    return {"rest": rest}


@action("/back", template="page.html")
@user_info(["pk"])
def back(request: Request) -> dict[str, Any]:
    """Asks the host back while the page waits."""
    time.sleep(0.05)  # so that all places of the host are taken at one time
    user = PlugItAPI(request.args["api"], os.environ["LIVE_KEY"]).get_user("7")
    return {"mark": mark(request, "back", user.username if user else "nobody")}


def _sha256(stream: Any) -> str:
    found = hashlib.sha256()
    while piece := stream.read(65536):
        found.update(piece)
    return found.hexdigest()
