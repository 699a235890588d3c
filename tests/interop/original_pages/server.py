# -*- coding: utf-8 -*-
"""A ProxyMode service of the original era, a plain Flask application: ``server.py CALLS_FILE``.

The body of an answer is the fragment. Prints ``Serving http://127.0.0.1:PORT/`` when it listens.
"""

from __future__ import unicode_literals

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "original_common"))

from flask import Flask, Response, jsonify, make_response, redirect, render_template, request  # noqa: E402

import recorder  # noqa: E402

app = Flask(__name__, static_folder="media", static_url_path="/media")

MARKER = "{~__PLUGIT_CSRF_TOKEN__~}"


def plugit_headers():
    """The X-Plugit-* headers of the request, without their common start."""
    start = "X-Plugit-"
    return dict((key[len(start):], value) for key, value in request.headers if key.startswith(start))


def base_url():
    return plugit_headers().get("Base-Url", "/")


@app.route("/")
def home():
    return render_template("home.html", mode=request.method, headers=plugit_headers(), base_url=base_url())


@app.route("/post", methods=["POST"])
def post():
    return render_template("home.html", mode=request.method, headers=plugit_headers(), base_url=base_url(),
                           name=request.form.get("name", ""))


@app.route("/echo", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
def echo():
    answer = jsonify(
        method=request.method,
        args=sorted([key, value] for key in request.args for value in request.args.getlist(key)),
        form=sorted([key, value] for key in request.form for value in request.form.getlist(key)),
        files=sorted([each.name, each.filename, each.content_type, len(each.read())]
                     for name in request.files for each in request.files.getlist(name)),
        headers=plugit_headers(),
        data=request.get_data().decode("latin-1"),
    )
    answer.headers["EbuIo-PlugIt-NoTemplate"] = "yes"
    return answer


@app.route("/no-template/<value>")
def no_template(value):
    answer = make_response('<p id="raw">roh größer <input value="%s"></p>' % MARKER)
    answer.headers["EbuIo-PlugIt-NoTemplate"] = "" if value == "empty" else value
    return answer


@app.route("/script")
def script():
    answer = make_response("window.größe = 1;")
    answer.headers["EbuIo-PlugIt-NoTemplate"] = "yes"
    answer.headers["Content-Type"] = "application/javascript; charset=utf-8"
    return answer


@app.route("/redirect")
def redirect_by_header():
    answer = make_response("")
    answer.headers["EbuIo-PlugIt-Redirect"] = "/post-done"
    return answer


@app.route("/location/<kind>", methods=["GET", "POST"])
def redirect_by_location(kind):
    targets = {
        "path": "/echo?a=1",
        "own": request.host_url + "echo",
        "mounted": base_url() + "echo",
        "relative": "../echo",
        "away": "http://evil.example/",
    }
    answer = redirect(targets[kind], code=303 if request.method == "POST" else 302)
    answer.autocorrect_location_header = False
    return answer


@app.route("/head")
def head():
    answer = make_response("<p>mit Kopf</p>")
    answer.headers.add("Link", '<%smedia/style.css>; rel="stylesheet"' % base_url())
    answer.headers.add("Link", '<%smedia/app.js>; rel="fragment-script"' % base_url())
    return answer


@app.route("/file")
def download():
    answer = Response("a;b\n1;2\n", content_type="text/csv; charset=utf-8")
    answer.headers["EbuIo-PlugIt-ItAFile"] = "1"
    answer.headers["Content-Disposition"] = "attachment; filename=table.csv"
    return answer


@app.route("/status/<int:code>")
def status(code):
    return Response("inner words of %d" % code, status=code)


@app.route("/session/<value>")
def session(value):
    answer = make_response("<p>gesetzt</p>")
    answer.headers["EbuIo-PlugIt-SetSession-colour"] = value
    return answer


@app.route("/bad-headers")
def bad_headers():
    answer = make_response("<p>Kopfzeilen</p>")
    answer.headers["Set-Cookie"] = "planted=by-service"
    answer.headers["X-Accel-Redirect"] = "/etc/passwd"
    return answer


if __name__ == "__main__":
    recorder.serve(app, sys.argv[1])
