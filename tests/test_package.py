"""What is built is whole: a wheel carries every file of the package, and says what setup.cfg says."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BUILT_FROM = ("setup.cfg", "pyproject.toml", "LICENSE", "README.md")


@pytest.fixture(scope="module")
def built_from(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the build reads: setuptools leaves things lying around where it builds."""
    project = tmp_path_factory.mktemp("project")
    for name in BUILT_FROM:
        shutil.copy(ROOT / name, project)
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*")
    for name in ("src", "examples"):
        shutil.copytree(ROOT / name, project / name, ignore=ignored)
    return project


@pytest.fixture(scope="module")
def wheel(built_from: Path) -> Iterator[zipfile.ZipFile]:
    """The wheel that pip builds."""
    dist = built_from / "dist"
    options = ["--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", str(dist)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(built_from)], check=True, timeout=50)
    (built,) = dist.iterdir()
    with zipfile.ZipFile(built) as opened:
        yield opened


def test_the_wheel_carries_every_file_of_the_package(wheel: zipfile.ZipFile, built_from: Path) -> None:
    """Assets, templates and py.typed come by package_data, which forgets what it is not told of."""
    package = built_from / "src" / "plugit_wsgi"
    ours = {str(path.relative_to(package.parent)) for path in package.rglob("*") if path.is_file()}
    packed = {name for name in wheel.namelist() if name.startswith("plugit_wsgi/")}
    assert packed == ours


@pytest.mark.parametrize("service", ["polls", "notes"])
def test_the_wheel_carries_the_services_of_the_demo(
    wheel: zipfile.ZipFile, built_from: Path, service: str
) -> None:
    """Every file of theirs, below share/."""
    folder = built_from / "examples" / service
    ours = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    start = f"plugit_wsgi-0.1.0.data/data/share/plugit-wsgi/examples/{service}/"
    assert {name.removeprefix(start) for name in wheel.namelist() if name.startswith(start)} == ours


def test_the_wheel_has_licence_command_and_metadata(wheel: zipfile.ZipFile) -> None:
    """The parts that only an installed package shows."""
    info = "plugit_wsgi-0.1.0.dist-info"
    metadata = wheel.read(f"{info}/METADATA").decode()
    assert "plugit-wsgi = plugit_wsgi.cli:main" in wheel.read(f"{info}/entry_points.txt").decode()
    assert any(name.startswith(info) and name.endswith("LICENSE") for name in wheel.namelist())
    assert "Requires-Python: >=3.10" in metadata
    assert "BSD-3-Clause" in metadata
