"""How an example host is started, and by what it says."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import requests
from tests.hosts.site import FOLDERS, PRESENT, SECRET
from tests.support.servers import ROOT, run_app, run_command

MISSING = [folder for folder in FOLDERS if folder not in PRESENT]
EACH = pytest.mark.parametrize("folder", PRESENT)
BROUGHT_ALONG = {"webob", "markupsafe", "werkzeug", "django", "itsdangerous", "requests", "plugit_wsgi"}


@pytest.mark.xfail(bool(MISSING), reason=f"examples that are not there yet: {MISSING}")
def test_there_is_an_example_for_each_kind_of_host() -> None:
    """What is left out here would be left out everywhere in this folder, and nobody would see it."""
    assert MISSING == []


@EACH
def test_without_a_secret_the_host_says_so_loudly(folder: str, tmp_path: Path) -> None:
    """It runs, for whoever wants to see it run, with a warning, and shows the services of the READMEs."""
    env = {"PLUGIT_SECRET_KEY": "", "PLUGIT_SERVICES": "", "SITE_DATABASE": str(tmp_path / "site.sqlite3")}
    with run_app("waitress", f"examples/{folder}/app.py", env=env) as running:
        assert "WARNING: PLUGIT_SECRET_KEY is not set" in running.output()
        home = requests.get(running.url, timeout=10).text
        assert 'href="/s/polls/"' in home
        assert 'href="/s/notes/"' in home


@EACH
def test_the_command_of_the_readme_runs_the_site(
    folder: str, free_port: int, services: str, tmp_path: Path
) -> None:
    """`python examples/.../app.py`, under the server that it chooses itself."""
    readme = (ROOT / "examples" / folder / "README.md").read_text(encoding="utf-8")
    command = f"python examples/{folder}/app.py"
    assert f"    {command}\n" in readme
    env = {
        "PORT": str(free_port),
        "PLUGIT_SERVICES": services,
        "PLUGIT_SECRET_KEY": SECRET,
        "SITE_DATABASE": str(tmp_path / "site.sqlite3"),
    }
    arguments = [sys.executable, *command.split()[1:]]
    with run_command(arguments, ready="Serving ", env=env) as running, requests.Session() as session:
        # The line is printed before the server listens.
        retries = requests.adapters.Retry(connect=20, backoff_factor=0.05, backoff_max=0.2)
        session.mount("http://", requests.adapters.HTTPAdapter(max_retries=retries))
        assert "Tea or coffee?" in session.get(f"{running.url}/s/polls/show/2", timeout=10).text


@EACH
def test_everything_that_an_example_imports_is_in_its_requirements(folder: str) -> None:
    """Frameworks and servers; what the library itself brings along needs no line."""
    files = [*(ROOT / "examples" / folder).rglob("*.py")]
    required = (ROOT / "examples" / folder / "requirements.txt").read_text(encoding="utf-8").lower()
    names = {
        name
        for file in files
        for name in re.findall(r"^\s*(?:from|import) (\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    }
    own = {part for file in files for part in (file.stem, file.parent.name)}
    missing = [
        name
        for name in names - own - BROUGHT_ALONG - {*sys.stdlib_module_names}
        if name.replace("_", "-").lower() not in required
    ]
    assert missing == []
    assert "plugit-wsgi" in required
