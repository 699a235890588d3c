"""The example hosts, each under a real server, with the example services as processes of their own."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from html import unescape
from typing import Any
from urllib.parse import urljoin

import pytest
import requests
from tests.support.servers import ROOT, Running, run_app, run_command

SECRET = "a secret of the tests, long enough."
LISA, MAX, ADA = "1", "2", "3"
HOSTS = {
    "pyramid": ("waitress", "", "Pyramid Radio"),
    "pyramid below a SCRIPT_NAME": ("werkzeug", "/site", "Pyramid Radio"),
    "bottle": ("cheroot", "", "Bottle Radio"),
    "bottle below a SCRIPT_NAME": ("gunicorn", "/site", "Bottle Radio"),
    "flask": ("waitress", "", "Flask Radio"),
    "flask below a SCRIPT_NAME": ("werkzeug", "/site", "Flask Radio"),
    "django": ("waitress", "", "Django Radio"),
    "django below a SCRIPT_NAME": ("gunicorn", "/site", "Django Radio"),
    "wsgi": ("cheroot", "", "Plain Radio"),
    "wsgi below a SCRIPT_NAME": ("waitress", "/site", "Plain Radio"),
}
FOLDERS = ("pyramid", "bottle", "flask", "django", "wsgi")
UNJUDGED = {"flask"}  # Flask reads a form to its end without saying how much, which wsgiref.validate refuses
_FORM = re.compile(r'<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>', re.DOTALL)
_FIELD = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Polls and notes, started as their READMEs say; gives PLUGIT_SERVICES."""
    data = tmp_path_factory.mktemp("data")
    env = {f"{name.upper()}_DATABASE": str(data / f"{name}.sqlite3") for name in ("polls", "notes")}
    with ExitStack() as running:
        urls = [running.enter_context(_serve(name, env)).url for name in ("polls", "notes")]
        yield f"polls={urls[0]} notes={urls[1]};orga"


def _serve(name: str, env: Mapping[str, str]) -> Any:
    command = [sys.executable, "-m", "plugit_wsgi.cli", "serve", f"examples/{name}", "--port", "0"]
    return run_command(command, ready="Serving ", env=env)


@pytest.fixture(scope="module", autouse=True)
def site_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Where the Django site keeps its people, instead of beside its code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SITE_DATABASE", str(tmp_path_factory.mktemp("site") / "site.sqlite3"))
        yield


@pytest.fixture(params=HOSTS, scope="module")
def site(request: pytest.FixtureRequest, services: str) -> Iterator[Site]:
    """Each host under each of its servers, inside wsgiref.validate where it can be."""
    server, below, brand = HOSTS[request.param]
    folder = request.param.partition(" ")[0]
    env = {"PLUGIT_SERVICES": services, "PLUGIT_SECRET_KEY": SECRET}
    with run_example(folder, server, below=below, env=env) as running:
        yield Site(running, below, brand)
        assert "Traceback" not in running.output()


def run_example(folder: str, server: str = "waitress", **options: Any) -> AbstractContextManager[Running]:
    """An example host under a server."""
    return run_app(server, f"examples/{folder}/app.py", validate=folder not in UNJUDGED, **options)


class Site:
    """A host that runs."""

    def __init__(self, running: Running, below: str, brand: str) -> None:
        self.url = running.url
        self.below = below
        self.brand = brand

    def visitor(self, person: str = "") -> Visitor:
        """Somebody with a browser of their own, logged in as `person`."""
        visitor = Visitor(self)
        if person:
            page = visitor.get("/login")
            assert visitor.submit(page, "/login", person=person).status_code == 200
        return visitor


class Visitor:
    """A browser reduced to cookies, links and forms; follows redirects."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._session = requests.Session()
        self._session.trust_env = False

    def get(self, path: str, **options: Any) -> requests.Response:
        """Opens a page of the site."""
        return self._session.get(f"{self._site.url}{self._site.below}{path}", timeout=10, **options)

    def submit(
        self, page: requests.Response, action: str, files: Any = None, **fields: str
    ) -> requests.Response:
        """Fills in the form of a page that is posted to `action`, and sends it as browsers do."""
        target = self._site.below + action
        forms = {unescape(where): content for where, content in _FORM.findall(page.text)}
        assert target in forms, f"{target} is not among the forms {[*forms]} of {page.url}"
        hidden = {name: unescape(value) for name, value in _FIELD.findall(forms[target])}
        headers = {"Origin": self._site.url, "Referer": page.url}
        return self._session.post(
            urljoin(page.url, target), {**hidden, **fields}, headers=headers, files=files, timeout=10
        )


def frame_of(page: requests.Response) -> tuple[str, str]:
    """The header of a page, and what comes after it."""
    header, _, rest = page.text.partition("</header>")
    return header, rest


def test_the_home_page_is_the_hosts_own(site: Site) -> None:
    """With a link to each service, which works."""
    visitor = site.visitor()
    page = visitor.get("/")
    assert f"Welcome to {site.brand}" in page.text
    links = re.findall(r'href="([^"]*/s/[^"]*)"', page.text)
    assert links == [f"{site.below}/s/polls/", f"{site.below}/s/notes/"]
    assert "plugit:" not in page.text


def test_a_page_of_a_service_is_in_the_hosts_look(site: Site) -> None:
    """Title, head, menu and content stand in their places; the bundled layout is nowhere."""
    page = site.visitor().get("/s/polls/results/")
    header, rest = frame_of(page)
    assert re.search(rf"<title>\s*Results - {site.brand}</title>", header)
    assert f'<link rel="stylesheet" href="{site.below}/static/site.css">' in header
    assert f'href="{site.below}/s/polls/media/polls.css"' in header
    assert site.brand in header
    assert rest.index("<nav") < rest.index(f'href="{site.below}/s/polls/create/"') < rest.index("</nav>")
    assert rest.index("<main>") < rest.index("Tea or coffee?") < rest.index("</main>")
    assert "bootstrap" not in page.text
    assert page.text.count("<html") == 1
    assert "plugit:" not in page.text


def test_the_stylesheets_of_host_and_service_are_there(site: Site) -> None:
    """Whatever the SCRIPT_NAME."""
    page = site.visitor().get("/s/polls/")
    for href in re.findall(r'rel="stylesheet" href="([^"]*)"', page.text):
        style = requests.get(site.url + href, timeout=10)
        assert (style.status_code, style.headers["Content-Type"].partition(";")[0]) == (200, "text/css")


def test_log_in_vote_and_log_out(site: Site) -> None:
    """The header says who it is on pages of services too; the vote is counted for that person."""
    visitor = site.visitor(LISA)
    page = visitor.get("/s/polls/show/1")
    assert "Lisa Listener" in frame_of(page)[0]
    offered = re.search(r"/s/polls/vote/1/\d", page.text)
    assert offered is not None
    page = visitor.submit(page, offered[0])
    assert page.url == f"{site.url}{site.below}/s/polls/show/1"
    assert "your vote" in page.text
    assert "alert-success" in page.text
    page = visitor.submit(page, "/logout")
    assert page.url == f"{site.url}{site.below}/"
    page = visitor.get("/s/polls/show/1")
    assert "Lisa Listener" not in page.text
    assert "your vote" not in page.text


def test_a_member_creates_a_poll_with_a_picture(site: Site) -> None:
    """The upload goes through host and service, and the picture comes back."""
    visitor = site.visitor(MAX)
    picture = b"GIF89a" + bytes(range(256)) * 1000
    files = {"illustration": ("a.gif", picture, "image/gif")}
    title = f"Is {site.url} a nice place?"
    page = visitor.submit(
        visitor.get("/s/polls/create/"), "/s/polls/create/", files, title=title, responses="Yes\nNo"
    )
    assert f"<h1>{title}</h1>" in page.text
    found = re.search(r'src="([^"]*/illustration/\d+)"', page.text)
    assert found is not None
    assert requests.get(site.url + found[1], timeout=10).content == picture


def test_who_is_not_logged_in_is_sent_to_the_login_and_back(site: Site) -> None:
    """`next` brings the visitor to the page that was asked for."""
    visitor = site.visitor()
    page = visitor.get("/s/polls/create/?a=b%26c")
    assert page.url.startswith(f"{site.url}{site.below}/login?next=")
    page = visitor.submit(page, "/login", person=MAX)
    assert page.url == f"{site.url}{site.below}/s/polls/create/?a=b%26c"
    assert "<h1>New poll</h1>" in page.text


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "/\t/evil.example"]
)
def test_the_login_sends_nobody_to_another_site(site: Site, target: str) -> None:
    """The value of `next` comes from a link that anybody can make."""
    visitor = site.visitor()
    page = visitor.get("/login", params={"next": target})
    assert visitor.submit(page, "/login", person=MAX).url == f"{site.url}{site.below}/"


def test_a_page_is_denied_to_the_wrong_person_in_the_hosts_look(site: Site) -> None:
    """With the rule that refused; the right person sees it."""
    denied = site.visitor(LISA).get("/s/polls/voters/2")
    header, rest = frame_of(denied)
    assert denied.status_code == 403
    assert "For administrators only" in header
    assert f"- {site.brand}</title>" in header
    assert "only_admin_user" in rest
    assert "Grace" not in denied.text
    page = site.visitor(ADA).get("/s/polls/voters/2")
    assert page.status_code == 200
    assert "Grace" in page.text


def test_notes_belong_to_the_organization_that_is_chosen(site: Site) -> None:
    """A member of two switches by a button in the host's frame; others see nothing of them."""
    text = f"written at {site.url}"
    visitor = site.visitor(MAX)
    page = visitor.get("/s/notes/")
    assert "<h1>Notes of Radio One</h1>" in page.text
    page = visitor.submit(page, "/s/notes/add/", text=text)
    assert text in page.text
    page = visitor.submit(page, "/s/notes/ebuio_setOrga", organization="2")
    assert "<h1>Notes of Radio Two</h1>" in page.text
    assert text not in page.text
    page = visitor.submit(page, "/s/notes/ebuio_setOrga", organization="1")
    assert text in page.text
    assert site.visitor(LISA).get("/s/notes/").status_code == 403
    assert text in site.visitor(ADA).get("/s/notes/").text


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_service_that_is_down_leaves_the_host_as_it_is(folder: str) -> None:
    """A page in the host's look says so; the host's own pages work."""
    env = {"PLUGIT_SERVICES": "gone=http://127.0.0.1:9", "PLUGIT_SECRET_KEY": SECRET}
    with run_example(folder, env=env) as running:
        page = requests.get(f"{running.url}/s/gone/", timeout=10)
        assert page.status_code == 502
        assert "static/site.css" in page.text
        assert requests.get(f"{running.url}/", timeout=10).status_code == 200


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_login_form_of_another_site_is_refused(folder: str) -> None:
    """Nobody can be logged in as somebody else by a page they look at."""
    with run_example(folder) as running:
        headers = {"Origin": "https://evil.example", "Referer": "https://evil.example/"}
        answer = requests.post(f"{running.url}/login", {"person": ADA}, headers=headers, timeout=10)
        assert answer.status_code in (400, 403)
        assert not answer.cookies.get("person")


@pytest.mark.parametrize("folder", FOLDERS)
def test_without_a_secret_the_host_says_so_loudly(folder: str) -> None:
    """It runs, for whoever wants to see it run, with a warning."""
    env = {"PLUGIT_SECRET_KEY": "", "PLUGIT_SERVICES": ""}
    with run_example(folder, env=env) as running:
        assert "WARNING: PLUGIT_SECRET_KEY is not set" in running.output()
        assert 'href="/s/polls/"' in requests.get(running.url, timeout=10).text


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_command_of_the_readme_runs_the_site(folder: str, free_port: int, services: str) -> None:
    """`python examples/.../app.py`, under the server that it chooses itself."""
    readme = (ROOT / "examples" / folder / "README.md").read_text(encoding="utf-8")
    command = f"python examples/{folder}/app.py"
    assert f"    {command}\n" in readme
    env = {"PORT": str(free_port), "PLUGIT_SERVICES": services, "PLUGIT_SECRET_KEY": SECRET}
    arguments = [sys.executable, *command.split()[1:]]
    with run_command(arguments, ready="Serving ", env=env) as running, requests.Session() as session:
        # The line is printed before the server listens.
        retries = requests.adapters.Retry(connect=20, backoff_factor=0.05, backoff_max=0.2)
        session.mount("http://", requests.adapters.HTTPAdapter(max_retries=retries))
        assert "Tea or coffee?" in session.get(f"{running.url}/s/polls/", timeout=10).text


@pytest.mark.parametrize("folder", FOLDERS)
def test_everything_that_an_example_imports_is_in_its_requirements(folder: str) -> None:
    """Frameworks and servers; what the library itself brings along needs no line."""
    source = (ROOT / "examples" / folder / "app.py").read_text(encoding="utf-8")
    required = (ROOT / "examples" / folder / "requirements.txt").read_text(encoding="utf-8")
    names = set(re.findall(r"^\s*(?:from|import) (\w+)", source, re.MULTILINE))
    known = {*sys.stdlib_module_names, "webob", "markupsafe", "werkzeug"}
    missing = [name for name in names - known if name.replace("_", "-") not in required]
    assert missing == []
