"""A Flask site as a service in pages mode: the two lines with ProxyFix are all that mounting takes."""

from __future__ import annotations

from flask import Flask, redirect, render_template_string, request, url_for
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response

app = Flask(__name__)
app.wsgi_app = ProxyFix(app.wsgi_app, x_for=0, x_proto=1, x_host=1, x_prefix=1)  # type: ignore[method-assign]

PAGE = """<link rel="stylesheet" href="{{ url_for('static', filename='site.css') }}">
<a id="next" href="{{ url_for('folder') }}">next</a> <a id="full" href="{{ full }}">full</a>
<form method="post" action="{{ url_for('save') }}"><input name="text">
<input type="hidden" name="csrfmiddlewaretoken" value="{~__PLUGIT_CSRF_TOKEN__~}"></form>"""


@app.get("/")
def home() -> str:
    return render_template_string(PAGE, full=url_for("folder", _external=True))


@app.get("/folder/")
def folder() -> str:
    return render_template_string("<p>folder {{ text }}</p>", text=request.args.get("text", ""))


@app.post("/save")
def save() -> Response:
    return redirect(url_for("folder", text=request.form["text"], _external=True), 303)


application = app
