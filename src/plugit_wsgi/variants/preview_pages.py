"""The page about a preview, at ``<mount>/ebuio_preview``: what a link does, and the way in and out.

1. GET changes nothing; a link that is opened by a program that looks at mails starts no preview.
2. POST needs a CSRF token, and leads to the mount, nowhere else.
3. The link's token goes to nobody but this host: no cache keeps the page, no Referer tells another site. It
   is not ``no-referrer``, with which browsers post ``Origin: null``, as other sites can make them.
4. A link that is good for nothing is one sentence; the visitor stays where they are.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Final

from markupsafe import Markup

from .. import csrf
from ..answer_cookies import with_cookies
from ..clock import Clock
from ..config import Service
from ..errors import MethodNotAllowed, PlugItError
from ..http import NO_STORE, REFERRER, Answer, get_header, parse_pairs
from ..mounted import MountedService, read_form
from ..page import Fragment
from ..visits import Visit
from ..wire.names import PREVIEW
from .preview import PreviewGrant, Previews

ALLOW: Final = ("Allow", "GET, HEAD, POST")


class PreviewPages:
    """The page about previews of one service. Thread-safe.

    Args:
        service: whose variants these are.
        previews: reads links, makes cookies.
        main: the pages of its main deployment, which these are as.
        clock: the time.
    """

    def __init__(
        self,
        service: Service,
        *,
        previews: Previews,
        main: MountedService,
        clock: Clock,
    ) -> None:
        self._service = service
        self._previews = previews
        self._framer = main.framer
        self._tokens = main.tokens
        self._refusals = main.refusals
        self._limits = main.pipeline.client.limits
        self._clock = clock

    def answer(self, visit: Visit) -> Answer:
        """The page, or where to go on; errors of the library are answers already."""
        try:
            answer = self._answer(visit)
        except MethodNotAllowed as error:
            answer = self._refusals.answer(error, visit)
            answer = replace(answer, headers=(*answer.headers, ALLOW))
        except PlugItError as error:
            answer = self._refusals.answer(error, visit)
        if get_header(answer.headers, REFERRER[0]) is None:
            answer = replace(answer, headers=(*answer.headers, REFERRER))
        return answer

    def _answer(self, visit: Visit) -> Answer:
        if visit.method == "POST":
            return self._change(visit)
        if visit.method not in ("GET", "HEAD"):
            raise MethodNotAllowed("method")
        link = _link_token(visit)
        offered = None if link is None else self._previews.read_link(self._service, link)
        current = self._previews.grant(visit.request, self._service, secure=visit.origin.secure)
        token = self._tokens.issue(visit)
        forms = _Forms(visit.base_url, self._service.name, token, self._clock.time())
        content = forms.state(current) if offered is None else forms.offer(offered, link or "", current)
        fragment = Fragment(title=f"Preview of {self._service.name}", content=content)
        return self._framer.own_page(fragment, visit, token=token, status=200)

    def _change(self, visit: Visit) -> Answer:
        csrf.check_origin(visit.environ, visit.origin)
        form = read_form(visit, self._limits)
        token = csrf.header_token(visit.environ) or form.get("csrfmiddlewaretoken", "")
        self._tokens.check(token, visit)
        where, secure = visit.base_url, visit.origin.secure
        if form.get("act") == "leave":
            cookie = self._previews.leave(self._service, path=where, secure=secure)
        elif form.get("act") == "away":
            cookie = self._previews.go_away(self._service, path=where, secure=secure)
        else:
            grant = self._previews.read_link(self._service, form.get("token", ""))
            cookie = self._previews.start(self._service, grant, path=where, secure=secure)
        answer = Answer(status=303, headers=(("Location", where), NO_STORE))
        return with_cookies(answer, (*visit.ended, cookie))


class _Forms:
    """The content of the page, for one request."""

    def __init__(self, mount: str, service: str, token: str, now: float) -> None:
        self._now = now
        self._values = {"url": mount + PREVIEW, "mount": mount, "service": service, "csrf": token}

    def offer(self, offered: PreviewGrant, link: str, current: PreviewGrant | None) -> Markup:
        """What a link does, and the button."""
        leave = Markup("") if current is None else self.state(current)
        return self._filled(_OFFER, offered, link=link) + leave

    def state(self, current: PreviewGrant | None) -> Markup:
        """Which preview the visitor is in, if any."""
        if current is None:
            return Markup(_NONE).format(**self._values)
        return self._filled(_STATE, current)

    def _filled(self, text: str, grant: PreviewGrant, **more: str) -> Markup:
        until = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(grant.expires))
        left = _words_of(grant.expires - self._now)
        what = Markup(_VARIANT).format(grant.variant) if grant.variant else "the main deployment"
        return Markup(text).format(**self._values, what=what, until=until, left=left, **more)


def _link_token(visit: Visit) -> str | None:
    pairs = dict(parse_pairs(visit.environ.get("QUERY_STRING", "").encode("latin-1")))
    found = pairs.get(b"token")
    return None if found is None else found.decode("utf-8", "replace")


def _words_of(seconds: float) -> str:
    """A length of time for people."""
    units = (("day", 86400), ("hour", 3600), ("minute", 60))
    unit, length = next((item for item in units if seconds >= 1.9 * item[1]), units[-1])
    count = max(1, round(seconds / length))
    return f"{count} {unit}{'' if count == 1 else 's'}"


_VARIANT: Final = "the variant <strong>{}</strong>"
_OFFER: Final = """<div class="plugit-preview-page">
<h1>Preview of {service}</h1>
<p class="lead">This link shows you {what} of {service}, in this browser.</p>
<p>It holds until {until}, that is for about {left}. Others go on seeing what they see now. What you do is
real: the variant acts for you as the service does.</p>
<p>Nothing has changed yet. You can leave the preview at any time, by the button on each of its pages.</p>
<form method="post" action="{url}">
<input type="hidden" name="csrfmiddlewaretoken" value="{csrf}">
<input type="hidden" name="token" value="{link}">
<button class="btn btn-primary" name="act" value="start">Start the preview</button>
<a class="btn btn-default btn-outline-secondary" href="{mount}">Go on without it</a>
</form>
</div>
"""
_STATE: Final = """<div class="plugit-preview-page">
<h2>You are in a preview</h2>
<p>You see {what} of {service} until {until}, that is for about {left}.</p>
<form method="post" action="{url}">
<input type="hidden" name="csrfmiddlewaretoken" value="{csrf}">
<button class="btn btn-primary" name="act" value="leave">Leave the preview</button>
<a class="btn btn-default btn-outline-secondary" href="{mount}">Go on to {service}</a>
</form>
</div>
"""
_NONE: Final = """<div class="plugit-preview-page">
<h1>You are in no preview</h1>
<p class="lead">You see {service} as others do.</p>
<p><a class="btn btn-primary" href="{mount}">Go on to {service}</a></p>
</div>
"""
