"""What a visitor reads when there is no page: one table of words, without inner detail.

Each line says what happened and what can be done. The reason of a refusal is shown as a small code, so that
a visitor can tell it to whoever helps.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final, NamedTuple

from markupsafe import Markup

from ..page import Fragment


class _Words(NamedTuple):
    title: str
    what: str
    advice: str


_SOON = "Please try again in a moment. If it stays like this, tell the people who run this site."

_BY_STATUS: Final[dict[int, _Words]] = {
    400: _Words(
        "This request was not understood",
        "Something is wrong with the address, or with what was sent.",
        "Go back, check what you entered, and send it again.",
    ),
    401: _Words(
        "Please log in",
        "The service does not know who you are.",
        "Log in to go on.",
    ),
    403: _Words(
        "You may not see this page",
        "The page is there, but it is not open to you.",
        "If you think that it should be, ask the people who run this site.",
    ),
    404: _Words(
        "Page not found",
        "There is nothing at this address.",
        "Check the address, or start again from the beginning.",
    ),
    405: _Words(
        "This does not work here",
        "This page cannot be used in the way that was tried.",
        "Go back to the page before, and use its links and buttons.",
    ),
    413: _Words(
        "That is too large",
        "What you sent is larger than this page takes.",
        "Send a smaller file, or less at once.",
    ),
    429: _Words(
        "That was too often",
        "The service got too many requests within a short time.",
        "Wait a little, then go on more slowly.",
    ),
    500: _Words(
        "Something went wrong",
        "An error stopped this page. It is not your fault.",
        _SOON,
    ),
    501: _Words(
        "This is not possible here",
        "This site cannot do what was asked of it.",
        "Go back to the page before. If you followed a link of this site, tell the people who run it.",
    ),
    502: _Words(
        "This service does not work just now",
        "The service behind this page gave no answer that could be used. The rest of the site is fine.",
        _SOON,
    ),
    503: _Words(
        "This service is not available just now",
        "The service behind this page takes no requests for the moment. The rest of the site is fine.",
        _SOON,
    ),
    504: _Words(
        "This service takes too long",
        "The service behind this page did not answer in time. The rest of the site is fine.",
        _SOON,
    ),
}

_BY_REASON: Final[dict[str, _Words]] = {
    "only_logged_user": _Words(
        "Please log in",
        "This page is for people who are logged in.",
        "Log in to go on.",
    ),
    "only_member_user": _Words(
        "For members only",
        "This page is for members of the service.",
        "If you are a member, log in as that user. If not, ask a member or an administrator to add you.",
    ),
    "only_admin_user": _Words(
        "For administrators only",
        "This page is for administrators of the service.",
        "If you need something from it, ask an administrator.",
    ),
    "only_orga_member_user": _Words(
        "For members of the organization only",
        "This page is for members of the organization that is chosen.",
        "Choose an organization that you belong to, or ask one of its administrators to add you.",
    ),
    "only_orga_admin_user": _Words(
        "For administrators of the organization only",
        "This page is for administrators of the organization that is chosen.",
        "Choose an organization that you administer, or ask one of its administrators.",
    ),
    "only_subscription": _Words(
        "This needs a subscription",
        "This page is for people with a subscription that includes it, and you have none just now.",
        "If you have one, log in as that user. If it has ended, renew it, or ask those who run this site.",
    ),
    "address_in_networks": _Words(
        "Not from this network",
        "This page can be opened from certain networks only, and you are not in one of them.",
        "Try again from your organization's network, for instance at the office or through its VPN.",
    ),
    "no_orga_in_orgamode": _Words(
        "For people of an organization",
        "This service works for organizations, and you do not belong to one here.",
        "If you do, log in as that user. If not, ask the people who run this site to add you to yours.",
    ),
    "csrf": _Words(
        "Please send that once more",
        "We could not make sure that this came from a page of ours, so nothing was changed. "
        "This happens when a page was open for long, or when cookies are turned off.",
        "Go back, load the page again, and send it once more.",
    ),
    "preview_altered": _Words(
        "This link has been altered",
        "The link to a preview is not as this site has made it, so it does nothing.",
        "Open it once more from where you got it, all of it, or ask whoever sent it for another one.",
    ),
    "preview_expired": _Words(
        "This preview is over",
        "The link to a preview was good for a time, and that time has passed.",
        "Ask whoever sent the link for another one.",
    ),
    "preview_foreign": _Words(
        "This link is for another service",
        "The link was made for a preview of another service, so it does nothing here.",
        "Open it once more from where you got it, or ask whoever sent it for another one.",
    ),
    "preview_gone": _Words(
        "There is nothing to preview any more",
        "The variant of the service that this link was made for is gone.",
        "It may be what everybody sees by now. If not, ask whoever sent the link.",
    ),
}

_ANY_CLIENT_ERROR: Final = _Words(
    "This did not work",
    "The service refused what was asked of it.",
    "Go back to the page before, and try another way.",
)
_ANY_OTHER: Final = _BY_STATUS[500]


def error_fragment(
    status: int,
    reason: str = "",
    *,
    service: str = "",
    login_url: str = "",
    billing_url: str = "",
    service_url: str = "",
    retry_after: float | None = None,
    home_url: str = "/",
) -> Fragment:
    """The words for an error, to be put into a layout.

    Args:
        status: HTTP status of the answer.
        reason: key of the rule that refused, or ""; shown as a code.
        service: name of the service; "" if none is concerned.
        login_url: shown as a button on 401 and 403; "" for visitors who are logged in.
        billing_url: where there are subscriptions, shown as a button; "" for no such place.
        service_url: where the service is, shown as a button; "" for no link to it.
        retry_after: seconds until it makes sense to try again; None if that is not known.
        home_url: URL path of the site's first page, percent-encoded; "" for no link to it.
    """
    advice = "" if retry_after is None else _when(retry_after)
    login_url = login_url if status in (401, 403) else ""
    return _written(status, reason, service, (login_url, billing_url, service_url, home_url), advice)


# Who asks a service that is away gets the same words as the one before: hundreds may ask in a second.
@lru_cache(maxsize=64)
def _written(
    status: int, reason: str, service: str, urls: tuple[str, str, str, str], advice: str
) -> Fragment:
    words = _words(status, reason)
    content = _CONTENT.format(
        title=words.title,
        what=words.what,
        advice=advice or words.advice,
        links=_links(urls, service),
        status=status,
        service=Markup(" · {}").format(service) if service else "",
        reason=Markup(" · <code>{}</code>").format(reason) if reason else "",
    )
    return Fragment(title=words.title, content=content)


_CONTENT: Final = Markup("""<div class="plugit-error">
<h1>{title}</h1>
<p class="lead">{what}</p>
<p>{advice}</p>
<p>{links}</p>
<p class="text-muted"><small>Error {status}{service}{reason}</small></p>
</div>""")
_LOGIN: Final = Markup('<a class="btn btn-primary" href="{}">Log in</a> ')
_BILLING: Final = Markup('<a class="btn btn-primary" href="{}">See subscriptions</a> ')
_SERVICE: Final = Markup('<a class="btn btn-primary" href="{}">Go on to {}</a> ')
_HOME: Final = Markup('<a class="btn btn-default btn-outline-secondary" href="{}">Start page of the site</a>')


def _links(urls: tuple[str, str, str, str], service: str) -> Markup:
    texts = zip((_LOGIN, _BILLING, _SERVICE, _HOME), urls, strict=True)
    return Markup("").join(text.format(url, service) for text, url in texts if url)


def _words(status: int, reason: str) -> _Words:
    if status == 403 and reason in _BY_REASON:
        return _BY_REASON[reason]
    return _BY_STATUS.get(status) or (_ANY_CLIENT_ERROR if 400 <= status < 500 else _ANY_OTHER)


def _when(seconds: float) -> str:
    whole = max(1, math.ceil(seconds))
    return f"Please try again in {whole} second{'' if whole == 1 else 's'}."
