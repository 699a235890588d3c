"""``plugit-wsgi preview SERVICE VARIANT``: a link by which whoever has it sees a variant, for some time."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Mapping
from typing import Any, Final

from ..clock import SystemClock
from ..config import Service, checked_path
from ..deployments import NAME, checked_url
from ..errors import ConfigError
from ..middleware import read_file
from ..variants.preview import LONGEST, Previews, link_url
from ..wire.keys import Purpose, load_secrets
from .serving import run_told

_VARIABLE: Final = "PLUGIT_SECRET_KEY"
_UNITS: Final = {"m": 60, "h": 3600, "d": 86400}
_DURATION: Final = re.compile("([1-9][0-9]{0,5})([mhd])")
_EXAMPLE = """example:
  plugit-wsgi preview polls next --for 2h --url https://example.org --config plugit.toml

Send what it prints to whoever is to see the variant: it opens a page that says what it does, with a
button. The link and every preview that was begun with it end at the same moment. The host's secret is
taken from the file, or from PLUGIT_SECRET_KEY if the file has none.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to those of ``plugit-wsgi``."""
    parser = subparsers.add_parser(
        "preview",
        help="print a link by which a variant of a service is seen",
        description="Prints a link to a preview of a variant.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("service", metavar="SERVICE", help="its name")
    parser.add_argument("variant", metavar="VARIANT", help="name of one of its variants")
    parser.add_argument(
        "--for", metavar="TIME", required=True, dest="time", help="as 30m, 2h or 7d; 30d at most"
    )
    parser.add_argument(
        "--url", metavar="URL", required=True, help="where visitors reach the site, as https://example.org"
    )
    parser.add_argument("--config", metavar="FILE", help="the host's TOML file; without, nothing is checked")
    parser.add_argument(
        "--mount", metavar="PATH", help="where the service is mounted, if the file does not say so"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints the link.

    Returns:
        The exit code: 0, or 2 for arguments that mean nothing.
    """
    return run_told("preview", lambda: print(_link(arguments, os.environ)))


def _link(arguments: argparse.Namespace, environment: Mapping[str, str]) -> str:
    found = read_file(arguments.config) if arguments.config else {}
    lifetime = _seconds(arguments.time)
    site = checked_url(arguments.url, "--url", allow_http=True)
    name, variant = _checked_name("SERVICE", arguments.service), _checked_name("VARIANT", arguments.variant)
    mount = _mount(arguments, found, _listed(arguments.config, found, name, variant))
    secret = found.get("secret_key") or environment.get(_VARIABLE)
    if not secret:
        where = f"{arguments.config}: secret_key" if arguments.config else _VARIABLE
        expected = f"the host's secret in the environment variable {_VARIABLE}, or in its file (--config)"
        raise ConfigError(where, None, expected)
    previews = Previews(load_secrets(secret).derived(Purpose.PREVIEW), SystemClock())
    return link_url(f"{site}{mount}/", previews.link_token(name, variant, lifetime))


def _listed(path: str, found: Mapping[str, Any], name: str, variant: str) -> Service | None:
    """The service in the file; None if the file lists no services at all."""
    services: list[Service] = found.get("services", [])
    if not services:
        return None
    service = next((item for item in services if item.name == name), None)
    if service is None:
        known = ", ".join(item.name for item in services)
        raise ConfigError("SERVICE", name, f"one of the services of {path}: {known}")
    variants = [item.name for item in service.variants]
    if variant not in variants:
        known = f": {', '.join(variants)}" if variants else ", which has none"
        raise ConfigError("VARIANT", variant, f"one of the variants of {name} in {path}{known}")
    return service


def _mount(arguments: argparse.Namespace, found: Mapping[str, Any], service: Service | None) -> str:
    if arguments.mount is not None:
        return checked_path(arguments.mount, "--mount")
    if service is not None and service.mount is not None:
        return service.mount
    return f"{checked_path(found.get('prefix', '/s'), 'prefix')}/{arguments.service}"


def _checked_name(what: str, given: str) -> str:
    if NAME.fullmatch(given) is None:
        raise ConfigError(what, given, "[a-z0-9][a-z0-9-]*, 48 letters at most")
    return given


def _seconds(given: str) -> float:
    found = _DURATION.fullmatch(given)
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if not 0 < seconds <= LONGEST:
        raise ConfigError("--for", given, "a number with m, h or d for minutes, hours or days; 30d at most")
    return seconds
