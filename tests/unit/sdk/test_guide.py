"""The guide is true: its files are written, served and asked, as it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.servers import ROOT
from tests.unit.sdk.support import Browser

from plugit_wsgi import sdk
from plugit_wsgi.sdk import load_service

GUIDE = (ROOT / "docs" / "write-a-service.md").read_text(encoding="utf-8")
FILE = re.compile(r"```\w+\n(?:# |\{# )(?P<name>[\w/.]+)(?: #\})?\n(?P<text>.*?)```", re.DOTALL)
ASKED = re.compile(r"^\$ curl http://127\.0\.0\.1:5000(?P<path>\S+)\n(?P<answer>.+)$", re.MULTILINE)


@pytest.fixture
def folder(tmp_path):
    """The files of the guide, each as it stands there."""
    for found in FILE.finditer(GUIDE):
        path = Path(tmp_path, found["name"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(found["text"], encoding="utf-8")
    return tmp_path


def test_files_of_the_guide_are_all_found(folder):
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) == [
        "guestbook/actions.py",
        "guestbook/templates/home.html",
        "guestbook/templates/write.html",
        "test_guestbook.py",
    ]


def test_answers_are_as_printed(folder):
    """Each curl line, and the line below it."""
    client = Browser(load_service(folder / "guestbook"))
    asked = ASKED.findall(GUIDE)
    assert len(asked) == 3
    for path, answer in asked:
        assert client.get(path).text == answer
    assert client.get("/template/write/").status_code == 200


def test_test_of_the_guide_passes(folder):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_guestbook.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", sorted(set(sdk.__all__) - {"Request"}))
def test_every_public_name_is_explained(name):
    assert re.search(rf"\b{name}\b", GUIDE)
