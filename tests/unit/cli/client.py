"""A visitor of an app in this process: keeps cookies, reads each answer to its end, sees breaches of WSGI."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Any
from wsgiref.validate import validator

from werkzeug.test import Client, TestResponse

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


class Visitor(Client):
    """One browser, without scripts."""

    def __init__(self, app: WSGIApplication) -> None:
        super().__init__(validator(app))

    def open(self, *arguments: Any, **options: Any) -> TestResponse:
        """As the base; the answer is complete and closed."""
        return super().open(*arguments, **{"buffered": True, **options})

    def submit(self, page: str, action: str, **fields: str) -> TestResponse:
        """Posts the form of a page that goes to `action`: its hidden fields, and these in their places."""
        html = self.get(page).text
        form = next(part for part in html.split("<form ") if f'action="{action}"' in part.split(">")[0])
        hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form.split("</form>")[0])
        return self.post(action, data={**{name: unescape(value) for name, value in hidden}, **fields})
