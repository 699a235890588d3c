"""Print a constraints file that pins every dependency of the package to its floor in setup.cfg."""

from __future__ import annotations

import configparser
import re
import sys

FLOOR = re.compile(r"(?P<name>[A-Za-z0-9._-]+)>=(?P<version>[0-9.]+)(?P<upper>,[^;]*)?(?P<marker>;.*)?")


def floors(setup_cfg: str) -> list[str]:
    """Turn each `name>=version` of install_requires into `name==version`.

    Raises:
        SystemExit: a dependency has no floor.
    """
    parser = configparser.ConfigParser()
    parser.read(setup_cfg, encoding="utf-8")
    lines = parser["options"]["install_requires"].split("\n")
    return [_pin(line.strip()) for line in lines if line.strip() and not line.startswith("#")]


def _pin(requirement: str) -> str:
    match = FLOOR.fullmatch(requirement)
    if match is None:
        raise SystemExit(f"{requirement!r} in setup.cfg has no floor")
    return f"{match['name']}=={match['version']}{match['marker'] or ''}"


if __name__ == "__main__":
    print("\n".join(floors(sys.argv[1])))
