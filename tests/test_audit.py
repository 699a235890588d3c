"""`make audit`: a known hole fails it; a database that is away is told, loudly, and fails nothing."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from types import ModuleType
from typing import Any

import pytest

from tests.support.servers import ROOT

HOLE = {"id": "PYSEC-2099-1", "fix_versions": ["9.9"], "description": ""}


@pytest.fixture
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", ROOT / "tools" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(audit: ModuleType, monkeypatch: pytest.MonkeyPatch, said: str | Exception) -> int:
    """The exit status, where pip-audit says this."""

    def answer(command: list[str], **_options: Any) -> Any:
        if isinstance(said, Exception):
            raise said
        return subprocess.CompletedProcess(command, 1, stdout=said, stderr="")

    monkeypatch.setattr(audit.subprocess, "run", answer)
    status: int = audit.main()
    return status


def test_what_is_looked_up_is_what_runs_with_the_package(audit: ModuleType) -> None:
    """Dependencies of dependencies and extras, but not the tools of the tests."""
    found = audit.installed("plugit-wsgi", audit.EXTRAS)
    assert {"werkzeug", "django", "sqlparse", "requests", "certifi", "redis", "prometheus-client"} <= set(
        found
    )
    assert not {"pytest", "selenium", "sphinx", "mypy", "plugit-wsgi"} & set(found)


def test_a_known_hole_is_an_error(
    audit: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its name, and where it is mended."""
    found = [{"name": "django", "version": "5.2", "vulns": [HOLE]}]
    assert run(audit, monkeypatch, json.dumps({"dependencies": found})) == 1
    assert "django 5.2: PYSEC-2099-1, mended in ['9.9']" in capsys.readouterr().out


@pytest.mark.parametrize(
    "said",
    [
        "",
        "Traceback: no route to host",
        "{}",
        '{"dependencies": [{"name": "django", "skip_reason": "not found"}]}',
        subprocess.TimeoutExpired("pip-audit", 1),
    ],
)
def test_a_database_that_is_away_is_told(
    audit: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    said: str | Exception,
) -> None:
    """What was not looked up is named; nothing fails."""
    assert run(audit, monkeypatch, said) == 0
    printed = capsys.readouterr().out
    assert "*** NOT AUDITED" in printed
    assert "django" in printed


def test_all_well(
    audit: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """How many were looked up, and nothing loud."""
    packages = audit.installed("plugit-wsgi", audit.EXTRAS)
    found = [{"name": name, "version": "1", "vulns": []} for name in packages]
    assert run(audit, monkeypatch, json.dumps({"dependencies": found})) == 0
    count = len(packages)
    assert capsys.readouterr().out == f"pip-audit: {count} of {count} packages looked up, 0 known holes\n"
