"""``plugit-wsgi dev URL``: a stand-alone host in front of one service (protocol section 8).

1. Everything is invented: users, organizations, secrets. Nothing here is for visitors from outside.
2. The choice of user and organization is a cookie, and holds for every service below this address.
3. Changes by GET (``ebuio_setUser?mode=adm``) are for tools that use them; the page itself posts a token.
"""

from __future__ import annotations

import argparse
import logging
import secrets
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from dataclasses import replace
from typing import TYPE_CHECKING, get_args

from ..config import Mode, Service, checked_path
from ..errors import CsrfRejected
from ..hostapi.mail import log_mail
from ..http import Answer, place_of
from ..layout import BootstrapLayout
from ..middleware import PlugItMiddleware, send
from ..page import Page
from ..people import Organization
from ..visits import USER_MODE
from .choice import Choice, format_choice, read_choice
from .dev_api import DevApi
from .dev_pages import Calls, home_content, look_form, switches
from .serving import Address, run_told, serve
from .site import (
    Markup,
    Request,
    check_form,
    local_target,
    page_answer,
    read_form,
    read_query,
    redirect_answer,
    root_of,
    text_answer,
)
from .standalone import USERS, StandaloneDirectory, find_organization

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

THREADS = 32
_PREFIX = "/s"
_SITE = "plugit-wsgi dev"
_EXAMPLE = """example:
  plugit-wsgi dev http://127.0.0.1:5000
  plugit-wsgi dev http://127.0.0.1:5000 --mount /plugIt --port 0

Shows the service's pages in a layout, with a switch for the user (nobody, logged in, member,
administrator) and, with --organizations, for the organization. The service reaches the host's
API below MOUNT/ebuio_api/.
"""
_choice: ContextVar[Choice] = ContextVar("choice", default=Choice())  # noqa: B039 - immutable
"""What the visitor of the request at hand has chosen: the directory is asked without the request."""


def create_app(
    url: str,
    mount: str = "/s/app",
    mode: Mode = "actions",
    organizations: bool = False,
    labels: Sequence[str] = (),
) -> WSGIApplication:
    """The stand-alone host as a WSGI app, for any server.

    Args:
        url: base URL of the service.
        mount: where it is mounted.
        mode: "actions" or "pages".
        organizations: organization mode.
        labels: of subscriptions, which everybody has who is logged in.

    Raises:
        ConfigError: names the field, the value and what was expected.
    """
    mount = checked_path(mount, "mount")
    # http without TLS is fine here, also to a container or another machine: nothing of it is real.
    service = Service(
        _name_of(mount),
        url,
        mode=mode,
        mount=mount,
        organizations=organizations,
        allow_http=True,
        mail_to="anyone",  # it goes nowhere
    )
    return DevHost(service, mount, labels)


class DevHost:
    """The stand-alone host. Thread-safe.

    Args:
        service: the one it shows.
        mount: its path, checked.
        labels: of subscriptions, which everybody has who is logged in.
    """

    def __init__(self, service: Service, mount: str, labels: Sequence[str] = ()) -> None:
        self._service = service
        self._mount = mount
        self._token = secrets.token_urlsafe(32)
        self._calls = Calls()
        self._layouts = {
            classic: BootstrapLayout(classic=classic, site_name=_SITE, navbar=self._navbar)
            for classic in (False, True)
        }
        directory = StandaloneDirectory(lambda: _choice.get().organization, labels)
        self._api = DevApi(service, directory=directory, deliver=log_mail, threads=THREADS)
        self._middleware = PlugItMiddleware(
            self._host,
            [service],
            secrets.token_hex(32),
            identify=lambda _request: USERS[_choice.get().mode],
            layout=self._layout,
            directory=directory,
            prefix=_PREFIX,
            threads=THREADS,
            observe=self._calls,
            operations=lambda _user: True,
        )
        self._switches = {
            f"{mount}/ebuio_setUser": self._set_user,
            f"{mount}/ebuio_setOrga": self._set_organization,
            f"{mount}/ebuio_setLayout": self._set_layout,
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """WSGI (PEP 3333)."""
        request = Request(environ)
        choice = read_choice(request.cookies)
        answer = self._own_answer(request, choice)
        if answer is not None:
            return send(answer, request.method, start_response)
        token = _choice.set(choice)
        try:
            return self._middleware({**environ, USER_MODE: choice.mode}, start_response)
        finally:
            _choice.reset(token)

    def _own_answer(self, request: Request, choice: Choice) -> Answer | None:
        """The answer to what is no page of the service; None for all else."""
        path = request.environ.get("PATH_INFO", "")
        api = f"{self._mount}/ebuio_api/"
        if path.startswith(api):
            return self._api_answer(request, path[len(api) :], choice)
        switch = self._switches.get(path)
        if switch is None:
            return None
        form = read_form(request) if request.method == "POST" else read_query(request)
        try:
            if request.method == "POST":
                check_form(request, form, self._token)
            changed = switch(form, choice)
        except CsrfRejected:
            return text_answer("reload the page and try again", status=403)
        if isinstance(changed, str):
            return text_answer(changed, status=400)
        return self._changed(request, form, changed)

    def _api_answer(self, request: Request, path: str, choice: Choice) -> Answer:
        def frame(title: str, content: Markup) -> Answer:
            page = Page(title=title, content=content, assets=f"{root_of(request)}{_PREFIX}/_assets/")
            return page_answer(self._layout(page, request))

        token = _choice.set(choice)
        try:
            root = f"{request.host_url}{self._base(request)}ebuio_api/"
            return self._api.answer(request, path, root=root, frame=frame)
        finally:
            _choice.reset(token)

    def _changed(self, request: Request, form: dict[str, str], choice: Choice) -> Answer:
        cookies = (format_choice(choice),)
        if request.method == "POST":
            target = local_target(form.get("next"), self._base(request))
            return redirect_answer(target, cookies=cookies)
        # The original answers an empty page; tools look at the status.
        return text_answer(f"{choice.mode} {choice.organization.name}", cookies=cookies)

    def _set_user(self, form: dict[str, str], choice: Choice) -> Choice | str:
        mode = form.get("mode", "")
        if mode not in USERS:
            return f"mode: one of {', '.join(USERS)}"
        return replace(choice, mode=mode)

    def _set_organization(self, form: dict[str, str], choice: Choice) -> Choice | str:
        """As the original, any id and name; the known ones keep their name and codops."""
        pk = form.get("pk", "")
        if not pk:
            return "pk: the id of an organization"
        known = find_organization(pk)
        return replace(choice, organization=known or Organization(pk, form.get("name", "")))

    def _set_layout(self, form: dict[str, str], choice: Choice) -> Choice | str:
        return replace(choice, classic=form.get("layout") == "classic")

    def _base(self, request: Request) -> str:
        """URL path of the mount, with trailing slash."""
        return f"{root_of(request)}{self._mount}/"

    def _layout(self, page: Page, request: Request) -> str:
        # Our own switches show who it is: the bundled ones would say it twice.
        page = replace(page, user=None, organization_url="")
        return self._layouts[_choice.get().classic](page, request)

    def _navbar(self, _page: Page, request: Request) -> Markup:
        return switches(
            _choice.get(),
            base=self._base(request),
            back=place_of(request.environ) if request.method == "GET" else self._base(request),
            token=self._token,
            organizations=self._service.organizations,
        )

    def _host(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """The host's own pages: one that says what runs here."""
        request = Request(environ)
        if environ.get("PATH_INFO", "") not in ("", "/"):
            return send(text_answer("there is nothing here", status=404), request.method, start_response)
        page = Page(
            title="Development host",
            content=home_content(
                self._service,
                base=request.host_url + self._base(request),
                calls=self._calls.newest(),
                look=look_form(_choice.get(), base=self._base(request), token=self._token),
                operations=f"{root_of(request)}{_PREFIX}/_operations/",
            ),
            assets=f"{root_of(request)}{_PREFIX}/_assets/",
        )
        return send(page_answer(self._layout(page, request)), request.method, start_response)


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to those of ``plugit-wsgi``."""
    parser = subparsers.add_parser(
        "dev",
        help="a host to develop a service against",
        description="Runs a stand-alone host in front of a service that runs already.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("url", metavar="URL", help="where the service answers, as http://127.0.0.1:5000")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", default="4000", help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--mount", default="/s/app", help="path of the service (default: %(default)s)")
    help_of_mode = "how the service answers (default: %(default)s)"
    parser.add_argument("--mode", default="actions", choices=get_args(Mode), help=help_of_mode)
    parser.add_argument("--organizations", action="store_true", help="organization mode")
    help_of_label = "a subscription of everybody who is logged in; may be repeated"
    parser.add_argument("--label", action="append", default=[], help=help_of_label)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serves until SIGINT or SIGTERM.

    Returns:
        The exit code: 0 after a signal, 1 if the address is taken, 2 for arguments that mean nothing.
    """
    return run_told("dev", lambda: _serve(arguments))


def _serve(arguments: argparse.Namespace) -> None:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    app = create_app(arguments.url, arguments.mount, arguments.mode, arguments.organizations, arguments.label)
    address = Address(arguments.host, arguments.port)
    serve(app, address, ready=f"Serving {address.url}{checked_path(arguments.mount, 'mount')}/")


def _name_of(mount: str) -> str:
    """A name for the service: the last part of its mount, as far as names may look like it."""
    letters = "".join(letter if letter.isalnum() else "-" for letter in mount.rpartition("/")[2].lower())
    return letters.strip("-") or "app"
