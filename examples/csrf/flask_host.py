"""A Flask site whose own CSRF protection (Flask-WTF) also guards the forms of its services."""

from __future__ import annotations

import os
from collections.abc import Sequence

import webob
from flask import Flask, session
from flask_wtf import CSRFProtect
from flask_wtf.csrf import generate_csrf, validate_csrf
from wtforms import ValidationError

from plugit_wsgi import PlugItMiddleware, Service

SECRET_KEY = os.environ["PLUGIT_SECRET_KEY"]
app = Flask(__name__)
app.secret_key = SECRET_KEY
CSRFProtect(app)


@app.get("/form")
def show() -> str:
    return generate_csrf()


@app.post("/form")
def take() -> str:
    return "posted"


class FlaskCsrf:
    """Flask-WTF's CSRFProtect as the `csrf` of the middleware. Its secret is in Flask's session."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    def issue(self, request: webob.Request) -> tuple[str, Sequence[str]]:
        with self._app.request_context(request.environ):
            token = generate_csrf()
            answer = self._app.make_response("")
            self._app.session_interface.save_session(self._app, session, answer)
            return token, answer.headers.getlist("Set-Cookie")

    def is_valid(self, request: webob.Request, token: str) -> bool:
        with self._app.request_context(request.environ):
            try:
                validate_csrf(token)
            except ValidationError:
                return False
            return True


application = PlugItMiddleware(
    app.wsgi_app,
    services=[Service("polls", os.environ["POLLS_URL"])],
    secret_key=SECRET_KEY,
    csrf=FlaskCsrf(app),
)
