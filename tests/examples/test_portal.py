"""The portal of examples/django. What is tested with Django itself runs in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from tests.hosts.markup import Document
from tests.hosts.site import MAX, PASSWORD, Run, Site
from tests.support.postgres import PostgresServer
from tests.support.servers import ROOT, run_command

PORTAL = ROOT / "examples" / "django"
INSIDE = ("inside_directory", "inside_pages")
SECRET = "a secret of the tests, long enough."
SERVICES = "polls=http://127.0.0.1:9 notes=http://127.0.0.1:9;orga"


def run_inside(tests: str, **env: str) -> None:
    """Runs tests/examples/portal/TESTS.py with the portal's settings."""
    path = f"tests/examples/portal/{tests}.py"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.examples.portal.plugin"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", path],
        cwd=ROOT,
        env={
            **os.environ,
            "PLUGIT_SERVICES": SERVICES,
            "PLUGIT_SECRET_KEY": SECRET,
            "DJANGO_SETTINGS_MODULE": "tests.hosts.quick_portal",
            "PYTHONPATH": str(PORTAL),
            **env,
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


def _wait(url: str) -> None:
    """The line is printed before the server listens."""
    with requests.Session() as session:
        retries = requests.adapters.Retry(connect=20, backoff_factor=0.05, backoff_max=0.2)
        session.mount("http://", requests.adapters.HTTPAdapter(max_retries=retries))
        session.get(url, timeout=10)


@pytest.mark.parametrize("tests", INSIDE)
def test_on_sqlite(tests: str, tmp_path: Path) -> None:
    """Directory, admin and pages."""
    run_inside(tests, SITE_DATABASE=str(tmp_path / "site.sqlite3"))


def test_a_server_forks_without_a_connection(tmp_path: Path) -> None:
    """As README starts it: SQLite forgets its locks over a fork, and then two write at once."""
    ask = "import app; from django.db import connections; print(connections['default'].connection)"
    env = {**os.environ, "SITE_DATABASE": str(tmp_path / "site.sqlite3"), "PLUGIT_SECRET_KEY": SECRET}
    command = [sys.executable, "-c", ask]
    done = subprocess.run(
        command, cwd=PORTAL, env=env, check=True, timeout=60, capture_output=True, text=True
    )
    assert done.stdout == "None\n"


@pytest.mark.slow
def test_on_postgresql(postgres: PostgresServer) -> None:
    """The same, by one setting."""
    for tests in INSIDE:
        run_inside(tests, DATABASE_URL=postgres.create_database())


@pytest.mark.slow
def test_the_portal_runs_on_postgresql(postgres: PostgresServer, free_port: int) -> None:
    """`manage.py prepare`, `app.py`, a login."""
    env = {
        **os.environ,
        "DATABASE_URL": postgres.create_database(),
        "PLUGIT_SECRET_KEY": SECRET,
        "PLUGIT_SERVICES": SERVICES,
        "SITE_PASSWORD": PASSWORD,
        "PORT": str(free_port),
    }
    prepare = [sys.executable, "manage.py", "prepare"]
    for _ in range(2):
        subprocess.run(prepare, cwd=PORTAL, env=env, check=True, timeout=60)
    with run_command([sys.executable, str(PORTAL / "app.py")], ready="Serving ", env=env) as first:
        _wait(first.url)
        visitor = Site(Run("django", "waitress"), first).visitor(MAX)
        assert "Radio One: member" in Document(visitor.get("/account")).text("main")
        postgres.drop_connections()
        assert "Radio One: member" in Document(visitor.get("/account")).text("main")
        assert "Traceback" not in first.output()


@pytest.mark.slow
def test_the_readme_runs_it_for_real(free_port: int, tmp_path: Path) -> None:
    """A secret of one's own, a first superuser, two workers; nobody is there whose password is known."""
    readme = (PORTAL / "README.md").read_text(encoding="utf-8")
    prepare, create = "python manage.py prepare", "python manage.py createsuperuser"
    serve = "gunicorn --preload --workers 2 --threads 8 app:application"
    for command in (prepare, create, serve):
        assert f"    {command}\n" in readme
    url = f"http://127.0.0.1:{free_port}"
    env = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PLUGIT_SECRET_KEY": SECRET,
        "PLUGIT_SERVICES": SERVICES,
        "SITE_DATABASE": str(tmp_path / "site.sqlite3"),
        "SITE_URL": url,
        "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
    }
    for command in (prepare, f"{create} --noinput --username root --email root@example.org"):
        subprocess.run(command.split(), cwd=PORTAL, env=env, check=True, timeout=60)
    bound = f"{serve} --bind 127.0.0.1:{free_port}"
    with run_command(bound.split(), ready="[", env=env, cwd=PORTAL) as running, requests.Session() as browser:
        _wait(url)
        page = browser.get(f"{url}/admin/login/", timeout=10)
        form = {"username": "root", "password": PASSWORD, **Document(page).form("/admin/login/").hidden}
        assert browser.post(page.url, form, headers={"Referer": page.url}, timeout=10).status_code == 200
        assert "1 user" in browser.get(f"{url}/admin/auth/user/", timeout=10).text
        for _ in range(4):  # whichever worker answers
            assert browser.get(f"{url}/account", timeout=10).url.endswith("/account")
        assert "Traceback" not in running.output()
