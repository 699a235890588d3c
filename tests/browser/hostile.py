"""A host with a hostile service on two mounts, in a sandbox and not, and another service for it to attack."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import webob

from plugit_wsgi import BootstrapLayout, PlugItMiddleware, Service, User
from plugit_wsgi.testing.fake_service import FakeService, Reply

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

CSS = "css selector"
SECRET = "a secret of the tests, long enough."
SANDBOXED, OPEN = "/s/boxed", "/s/open"
"""Two mounts of the hostile service."""
RUN = """{% extends 'plugIt/base-withBlocks.html' %}{% block title %}Hostile{% endblock %}{% block content %}
{{ markup|safe }}<script>
(async function () {
  let said;
  try { said = String(await (async function () { {{ code|safe }} })()); }
  catch (error) { said = "refused: " + error.name; }
  document.body.dataset.said = said;
})();
</script>{% endblock %}"""
FORM = "{% block content %}<form>{% csrf_token %}</form> for {{ ebuio_u.username }}{% endblock %}"


class World:
    """Two services, a host, and one who is logged in there. Thread-safe: only appends.

    Args:
        browser: hers.
        serve: runs an application.
        cookie: the attributes of the login's cookie beside its path.
        layout: of the host; None is the bundled one.

    Attributes:
        asked: what the host was asked, and by whom.
        outside: what a server of somebody else's was asked.
    """

    def __init__(
        self, browser: Chrome, serve: Callable[[Any], str], cookie: str = "SameSite=Lax", layout: Any = None
    ) -> None:
        self.browser = browser
        self.hostile, self.victim = FakeService(), FakeService()
        self.asked: list[str] = []
        self.outside: list[str] = []
        self.cookie = cookie
        self.outside_url = serve(self._outside)
        self.victim.action("/form", template=FORM)
        self.victim.action("/vote", template="voted")
        hostile = serve(self.hostile)
        self.middleware = PlugItMiddleware(
            self._host,
            services=[
                Service("boxed", hostile, sandbox=True),
                Service("open", hostile),
                Service("victim", serve(self.victim)),
            ],
            secret_key=SECRET,
            identify=self.identify,
            layout=layout or BootstrapLayout(site_name="Radio"),
        )
        self.url = serve(self.middleware)
        browser.get(self.url + "/login")

    @staticmethod
    def identify(request: webob.Request) -> User | None:
        """By the cookie."""
        return User("7", "anna", "Anna", "Arn") if request.cookies.get("login") == "anna" else None

    def attack(self, code: str, markup: str = "") -> None:
        """What the hostile page does; `code` is the body of a function, whose value it notes."""
        self.hostile.action("/a", template=RUN, answer={"code": code, "markup": markup})

    def open(self, mount: str, path: str = "/a") -> Chrome:
        """Opens a page of the hostile service and goes to where its script runs."""
        self.browser.switch_to.default_content()
        self.browser.get(f"{self.url}{mount}{path}")
        self.enter()
        return self.browser

    def enter(self) -> None:
        """Goes into the frame, if there is one."""
        frames = self.browser.find_elements(CSS, "iframe.plugit-frame")
        if frames:
            self.browser.switch_to.frame(frames[0])

    def said(self, mount: str, path: str = "/a") -> str:
        """What the page's script noted."""
        browser = self.open(mount, path)
        self.wait(lambda: browser.execute_script("return document.body && 'said' in document.body.dataset"))
        return str(browser.execute_script("return document.body.dataset.said"))

    def click(self, mount: str, selector: str) -> None:
        """A real click on something of the page."""
        self.open(mount).find_element(CSS, selector).click()
        self.browser.switch_to.default_content()

    def place(self) -> str:
        """Where the visitor is after a moment: an attack that leads away has had its time."""
        self.browser.switch_to.default_content()
        time.sleep(0.5)
        return self.browser.current_url.removeprefix(self.url)

    def wait(self, is_so: Callable[[], Any]) -> None:
        """Until it is so, 5 s at most."""
        from selenium.webdriver.support.wait import WebDriverWait

        WebDriverWait(self.browser, 5, poll_frequency=0.02).until(lambda _browser: is_so())

    def votes(self) -> list[str]:
        """Methods of the votes that reached the other service."""
        return [call.method for call in self.victim.called("/action/vote")]

    def _host(self, environ: Any, start_response: Any) -> Any:
        request = webob.Request(environ)
        user = self.identify(request)
        self.asked.append(f"{request.path_qs} as {user.username if user else 'nobody'}")
        response = webob.Response(f"<p>private of {user.username if user else 'nobody'}</p>")
        if request.path_info == "/login":
            response.headers.add("Set-Cookie", f"login=anna; Path=/; {self.cookie}")
            response.text = "<script>localStorage.setItem('draft', 'private of anna')</script>"
        if request.path_info.startswith("/raw"):
            response.text = request.GET["text"]
            response.content_type = request.GET["type"]
        return response(environ, start_response)

    def _outside(self, environ: Any, start_response: Any) -> Any:
        request = webob.Request(environ)
        self.outside.append(request.path_qs)
        return webob.Response("<title>outside</title>")(environ, start_response)


def media(world: World, path: str, text: str, kind: str) -> None:
    """A file of the hostile service."""
    world.hostile.answer(f"/media/{path}", Reply(body=text, content_type=kind))
