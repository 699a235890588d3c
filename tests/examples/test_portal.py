"""The portal of examples/django. What is tested with Django itself runs in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.servers import ROOT

PORTAL = ROOT / "examples" / "django"
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


@pytest.mark.parametrize("tests", ["inside_directory", "inside_pages"])
def test_on_sqlite(tests: str, tmp_path: Path) -> None:
    """Directory, admin and pages."""
    run_inside(tests, SITE_DATABASE=str(tmp_path / "site.sqlite3"))
