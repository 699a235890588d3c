"""What a Rack application does, in WSGI: a URL is SCRIPT_NAME and path, SCRIPT_NAME is X-Forwarded-Prefix."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

STYLE = (Path(__file__).parent / "static" / "site.css").read_bytes()
PAGE = """<link rel="stylesheet" href="{root}/static/site.css">
<a id="next" href="{root}/folder/">next</a> <a id="full" href="{origin}{root}/folder/">full</a>
<form method="post" action="{root}/save"><input name="text">
<input type="hidden" name="csrfmiddlewaretoken" value="{{~__PLUGIT_CSRF_TOKEN__~}}"></form>"""


def mounted(app: WSGIApplication) -> WSGIApplication:
    """The class of config.ru."""

    def call(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return app({**environ, "SCRIPT_NAME": environ.get("HTTP_X_FORWARDED_PREFIX", "")}, start_response)

    return call


@mounted
def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    root, path = environ["SCRIPT_NAME"], environ["PATH_INFO"]
    origin = f"{environ['HTTP_X_FORWARDED_PROTO']}://{environ['HTTP_X_FORWARDED_HOST']}"
    status, headers, body = "200 OK", [("Content-Type", "text/html")], b""
    if path == "/static/site.css":
        headers, body = [("Content-Type", "text/css")], STYLE
    elif path == "/folder":
        status = "301 Moved"
        headers.append(("Location", f"{root}/folder/"))
    elif path == "/folder/":
        text = parse_qs(environ["QUERY_STRING"]).get("text", [""])[0]
        body = f"<p>folder {text}</p>".encode()
    elif path == "/save":
        form = parse_qs(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])).decode())
        status = "303 See Other"
        headers.append(("Location", f"{origin}{root}/folder/?text={form['text'][0]}"))
    else:
        body = PAGE.format(root=root, origin=origin).encode()
    start_response(status, [*headers, ("Content-Length", str(len(body)))])
    return [body]
