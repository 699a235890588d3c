"""pip-audit over what is installed with the package: its dependencies and those of its extras for running.

Known holes are an error. Where the database of holes cannot be reached, or does not know a package, that is
said loudly and is no error: a machine without the database says nothing about the code.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

EXTRAS = ("redis", "metrics")
PATIENCE = 120.0
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_EXTRA = re.compile(r"""extra\s*==\s*["']([^"']+)["']""")


def installed(package: str, extras: tuple[str, ...] = ()) -> dict[str, str]:
    """Names and versions of all that a package brings with it, as installed here, without itself."""
    found: dict[str, str] = {}
    waiting = list(_required(package, extras))
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            found[name] = distribution(name).version
        except PackageNotFoundError:  # for another Python, or another system
            continue
        waiting.extend(_required(name, ()))
    return found


def _required(package: str, extras: tuple[str, ...]) -> Iterator[str]:
    for requirement in distribution(package).requires or ():
        extra = _EXTRA.search(requirement)
        match = _NAME.match(requirement)
        if match is not None and (extra is None or extra[1] in extras):
            yield re.sub(r"[-_.]+", "-", match[0]).lower()


def ask(packages: dict[str, str]) -> list[dict[str, Any]]:
    """What pip-audit found of each package; none if it could not ask."""
    with tempfile.TemporaryDirectory() as folder:
        pins = Path(folder, "pins.txt")
        pins.write_text("".join(f"{name}=={version}\n" for name, version in packages.items()))
        command = [sys.executable, "-m", "pip_audit", "--progress-spinner", "off", "--format", "json"]
        command += ["--vulnerability-service", "pypi", "--no-deps", "--disable-pip", "-r", str(pins)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
            found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
        except (subprocess.TimeoutExpired, ValueError, KeyError):
            return []
    return found


def verdict(packages: dict[str, str], found: list[dict[str, Any]]) -> tuple[list[str], bool]:
    """What to print, and whether a package has a known hole."""
    holes = [
        f"{each['name']} {each['version']}: {hole['id']}, mended in {hole['fix_versions'] or 'none'}"
        for each in found
        for hole in each.get("vulns", ())
    ]
    asked = {each["name"] for each in found if "vulns" in each}
    unknown = sorted(set(packages) - asked)
    lines = [
        *holes,
        f"pip-audit: {len(asked)} of {len(packages)} packages looked up, {len(holes)} known holes",
    ]
    if unknown:
        lines.append(
            f"*** NOT AUDITED, the database was not reached or does not know: {' '.join(unknown)} ***"
        )
    return lines, bool(holes)


def main() -> int:
    """0, or 1 with a known hole."""
    packages = installed("plugit-wsgi", EXTRAS)
    lines, has_holes = verdict(packages, ask(packages))
    print("\n".join(lines))
    return int(has_holes)


if __name__ == "__main__":
    sys.exit(main())
