"""What `python -m bench.added` compares: WSGI apps that put a page of another server into a site.

Each is made in a process of its own by its name, given the base URL of `bench/service.py`, and called there
directly. All of them keep their connection.
"""

from __future__ import annotations

import http.client
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

THEME = """<!doctype html><html><head><title>Site</title><link rel="stylesheet" href="/site.css"></head>
<body><nav><a href="/">Site</a><a href="/polls/">Polls</a></nav><main id="content">Here.</main>
<footer>A site of the bench.</footer></body></html>
"""
RULES = """<rules xmlns="http://namespaces.plone.org/diazo" xmlns:css="http://namespaces.plone.org/diazo/css"
 xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<theme href="theme.html" />
<replace css:theme-children="#content" css:content-children="body" />
<replace css:theme="title" css:content="title" />
</rules>
"""
HTML = [("Content-Type", "text/html; charset=utf-8")]


def http_client(url: str) -> WSGIApplication:
    """The measure: hand the request on by http.client, hand back what comes."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"))

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        connection.request("GET", environ["PATH_INFO"], headers=_headers(environ))
        answer = connection.getresponse()
        body = answer.read()
        start_response(f"{answer.status} {answer.reason}", _told(answer.getheader("Content-Type"), body))
        return [body]

    return app


def urllib3_pool(url: str) -> WSGIApplication:
    """The same by urllib3's pool."""
    import urllib3

    pool = urllib3.connection_from_url(url)

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        answer = pool.request("GET", environ["PATH_INFO"], headers=_headers(environ))
        start_response(f"{answer.status} OK", _told(answer.headers["Content-Type"], answer.data))
        return [answer.data]

    return app


def pycurl_handle(url: str) -> WSGIApplication:
    """The same by one handle of libcurl: the floor."""
    import pycurl

    handle = pycurl.Curl()
    lines: list[bytes] = []
    handle.setopt(pycurl.HEADERFUNCTION, lines.append)

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        lines.clear()
        handle.setopt(pycurl.URL, url + environ["PATH_INFO"])
        handle.setopt(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in _headers(environ).items()])
        body = handle.perform_rb()
        fields = dict(line.split(b": ", 1) for line in lines if b": " in line)
        kind = fields[b"Content-Type"].decode("latin-1").strip()
        start_response(f"{handle.getinfo(pycurl.RESPONSE_CODE)} OK", _told(kind, body))
        return [body]

    return app


def werkzeug_proxy(url: str) -> WSGIApplication:
    """Werkzeug's ProxyMiddleware, which opens a connection for each request."""
    from werkzeug.middleware.http_proxy import ProxyMiddleware

    return ProxyMiddleware(_host, {"/there/": {"target": url, "remove_prefix": True}})


def wsgiproxy(url: str) -> WSGIApplication:
    """WSGIProxy2 with its client on urllib3."""
    from wsgiproxy import HostProxy

    app: WSGIApplication = HostProxy(url, client="urllib3")
    return app


def diazo_http_client(url: str) -> WSGIApplication:
    """Diazo's middleware, which puts a page into a theme by rules, over the http.client proxy."""
    from diazo.wsgi import DiazoMiddleware

    app: WSGIApplication = DiazoMiddleware(
        http_client(url), {}, rules=str(_theme() / "rules.xml"), read_network=False
    )
    return app


def revproxy_diazo(url: str) -> WSGIApplication:
    """django-revproxy's DiazoProxyView."""
    import django
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application
    from django.urls import path

    folder = _theme()
    settings.configure(
        SECRET_KEY="of the bench",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=type("urls", (), {"urlpatterns": []}),
        INSTALLED_APPS=["revproxy"],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [str(folder)]}],
    )
    django.setup()
    from revproxy.views import DiazoProxyView

    view = DiazoProxyView.as_view(
        upstream=url + "/", diazo_theme_template="theme.html", diazo_rules=str(folder / "rules.xml")
    )
    settings.ROOT_URLCONF.urlpatterns.append(path("<path:path>", view))
    app: WSGIApplication = get_wsgi_application()
    return app


def ours(url: str) -> WSGIApplication:
    """The middleware, everything by default, somebody logged in."""
    return _middleware(url)


def ours_curl(url: str) -> WSGIApplication:
    """The same with the curl transport, where this version has one."""
    from plugit_wsgi.errors import ConfigError

    try:
        return _middleware(url, transport="curl")
    except ConfigError as error:
        raise ImportError(str(error)) from error


def bare_host(_url: str) -> WSGIApplication:
    """A host that nothing wraps."""
    return _host


CONTESTANTS: dict[str, Callable[[str], WSGIApplication]] = {
    each.__name__: each
    for each in (
        http_client,
        urllib3_pool,
        pycurl_handle,
        werkzeug_proxy,
        wsgiproxy,
        diazo_http_client,
        revproxy_diazo,
        ours,
        ours_curl,
        bare_host,
    )
}


def _middleware(url: str, **options: Any) -> WSGIApplication:
    from plugit_wsgi import PlugItMiddleware, Service, User

    app: WSGIApplication = PlugItMiddleware(
        _host,
        [Service("bench", url, **options)],
        "a secret of the bench, known to all of us",
        identify=lambda _request: User("7", "zoe", "Zoe", "Z", "zoe@example.org"),
        threads=int(os.environ.get("BENCH_THREADS", "8")),
    )
    return app


def _host(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello"]


def _headers(environ: WSGIEnvironment) -> dict[str, str]:
    return {
        name[5:].replace("_", "-").title(): value
        for name, value in environ.items()
        if name.startswith("HTTP_") and name not in ("HTTP_HOST", "HTTP_CONNECTION", "HTTP_ACCEPT_ENCODING")
    }


def _told(kind: Any, body: bytes) -> list[tuple[str, str]]:
    return [("Content-Type", str(kind)), ("Content-Length", str(len(body)))]


def _theme() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="bench-theme-"))
    (folder / "theme.html").write_text(THEME, encoding="utf-8")
    (folder / "rules.xml").write_text(RULES, encoding="utf-8")
    return folder
