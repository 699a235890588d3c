"""``plugit-wsgi key NAME``: the key to hand to a service.

The host's secret comes from the environment or the host's file, never from the command line: other users of
a machine can read command lines, and shells remember them.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

from ..config import Service
from ..deployments import Variant
from ..errors import ConfigError
from ..middleware import read_file
from ..wire.keys import (
    api_keys,
    audience_of,
    format_service_key,
    format_service_keys,
    load_secrets,
    service_keys,
)
from .serving import run_told

_VARIABLE = "PLUGIT_SECRET_KEY"
_EXAMPLE = """example:
  PLUGIT_SECRET_KEY=... plugit-wsgi key polls
  plugit-wsgi key polls --config plugit.toml
  plugit-wsgi key polls --api
  plugit-wsgi key polls@next
  plugit-wsgi key polls --all --secret-env NEW_SECRET --secret-env PLUGIT_SECRET_KEY

Give what it prints to the service as PLUGIT_SERVICE_KEY. It is derived from the host's secret and
the service's name, so it is the same each time, and tells nothing about the keys of others.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to those of ``plugit-wsgi``."""
    parser = subparsers.add_parser(
        "key",
        help="print the key of a service",
        description="Prints the key with which a service checks what the host says.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "name", metavar="NAME", help="of the service, as the host mounts it; of a variant SERVICE@VARIANT"
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--secret-env",
        metavar="VARIABLE",
        action="append",
        help=f"environment variable that holds the host's secret (default: {_VARIABLE}); several times for"
        " several, the newest last",
    )
    source.add_argument("--config", metavar="FILE", help="the host's TOML file, with its secret_key")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--api",
        action="store_true",
        help="the key for the host's API alone, for services that call it with a key in the URL",
    )
    what.add_argument(
        "--all",
        action="store_true",
        dest="every",
        help="the keys for all of the host's secrets, as PLUGIT_SERVICE_KEY takes them, to change the secret",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints the key.

    Returns:
        The exit code: 0, or 2 for arguments that mean nothing.
    """
    return run_told("key", lambda: print(_load_key(arguments)))


def _load_key(arguments: argparse.Namespace) -> str:
    audience = _checked_audience(arguments.name)
    secret: str | Sequence[str]
    if arguments.config:
        secret = _from_file(arguments.config, audience)
    else:
        secret = [_from_environment(variable) for variable in arguments.secret_env or (_VARIABLE,)]
    keys = service_keys(load_secrets(secret), audience)
    if arguments.api:
        return api_keys(keys)[-1]
    return format_service_keys(keys) if arguments.every else format_service_key(keys)


def _checked_audience(given: str) -> str:
    service, separator, variant = given.partition("@")
    name = Service(service, "http://127.0.0.1").name  # refuses what is no name
    return audience_of(name, Variant(variant, "http://127.0.0.1").name if separator else "")


def _from_environment(variable: str) -> str:
    secret = os.environ.get(variable)
    if not secret:
        raise ConfigError(
            variable, secret, "the host's secret in this environment variable (or use --config)"
        )
    return secret


def _from_file(path: str, audience: str) -> str | Sequence[str]:
    found = read_file(path)
    if "secret_key" not in found:
        raise ConfigError(f"{path}: secret_key", None, "the host's secret, or a list with the newest last")
    names = [
        audience_of(service.name, variant)
        for service in found.get("services", ())
        for variant in ("", *(item.name for item in service.variants))
    ]
    if names and audience not in names:
        raise ConfigError("NAME", audience, f"one of the services of {path}: {', '.join(names)}")
    secret: str | Sequence[str] = found["secret_key"]
    return secret
