"""Each example host runs once, with the example services as processes of their own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from tests.hosts.frail import Frail
from tests.hosts.site import AT_THE_ROOT, BELOW, PASSWORD, PRESENT, SECRET, Site
from tests.support.servers import ROOT, run_app, run_command


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test of a site is of every host, or of those that its module calls its HOSTS.

    Those without a browser are also below a SCRIPT_NAME.
    """
    if "site" in metafunc.fixturenames:
        folders = getattr(metafunc.module, "HOSTS", PRESENT)
        root, below = ([run for run in runs if run.folder in folders] for runs in (AT_THE_ROOT, BELOW))
        slow = [pytest.param(run, id=run.id, marks=pytest.mark.slow) for run in below]
        runs = [pytest.param(run, id=run.id) for run in root]
        if "browser" not in metafunc.fixturenames:
            runs += slow
        metafunc.parametrize("site", runs, indirect=True, scope="session")


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Polls and notes, started as their READMEs say; gives PLUGIT_SERVICES."""
    data = tmp_path_factory.mktemp("data")
    env = {f"{name.upper()}_DATABASE": str(data / f"{name}.sqlite3") for name in ("polls", "notes")}
    with ExitStack() as running:
        urls = {}
        for name in ("polls", "notes"):
            command = [sys.executable, "-m", "plugit_wsgi.cli", "serve", f"examples/{name}", "--port", "0"]
            urls[name] = running.enter_context(run_command(command, ready="Serving ", env=env)).url
        yield f"polls={urls['polls']} notes={urls['notes']};orga"


@pytest.fixture(scope="session")
def frail() -> Iterator[Frail]:
    """A third service, called weather."""
    frail = Frail()
    yield frail
    frail.close()


@pytest.fixture(scope="session")
def site(
    request: pytest.FixtureRequest, services: str, frail: Frail, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """One of the hosts, inside wsgiref.validate; it serves to the end without a traceback."""
    run = request.param
    env = {
        "PLUGIT_SERVICES": f"{services} weather={frail.url}",
        "PLUGIT_SECRET_KEY": SECRET,
        "SITE_DATABASE": str(tmp_path_factory.mktemp("site") / "site.sqlite3"),
        "SITE_PASSWORD": PASSWORD,
    }
    if run.folder == "django":
        env |= {"DJANGO_SETTINGS_MODULE": "tests.hosts.quick_portal", "PYTHONPATH": str(ROOT)}
    # Flask reads a form to its end without saying how much, which the validator forbids.
    judged = run.folder != "flask"
    app = f"examples/{run.folder}/app.py"
    with run_app(run.server, app, below=run.below, validate=judged, env=env) as running:
        yield Site(run, running)
        assert "Traceback" not in running.output()
