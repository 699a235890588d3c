"""A service as a folder: ``actions.py``, ``templates/``, ``media/`` and maybe ``config.py``.

1. Modules of the folder are imported by their plain names (``import store``), as when Python is
   started in it; only the folder itself is looked at for them.
2. What the process had under these names before stays as it was: a host's own ``config``, or another
   service's. So a module that is imported only later, inside a function, must have a name of its own.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from ..errors import ConfigError
from .actions import collect_routes
from .app import ServiceApp

ACTIONS = "actions"
CONFIG = "config"
MAIL_CALLBACK = "mail_callback"


def load_service(directory: str | Path) -> ServiceApp:
    """The service in a folder. A function ``mail_callback`` in ``actions.py`` gets replies to mails.

    Args:
        directory: holds ``actions.py``.

    Raises:
        ConfigError: there is no folder, no ``actions.py``, no action in it, or a module cannot be imported.
    """
    folder = Path(directory).resolve()
    if not folder.is_dir():
        raise ConfigError("service folder", str(directory), "a folder with an actions.py")
    if not (folder / f"{ACTIONS}.py").is_file():
        raise ConfigError("service folder", str(directory), "an actions.py in it")
    with _own_modules(folder):
        config = _import(CONFIG, folder) if (folder / f"{CONFIG}.py").is_file() else None
        actions = _import(ACTIONS, folder)
    if not collect_routes(actions):
        raise ConfigError(str(folder / f"{ACTIONS}.py"), "no action", "a function with @action above it")
    return ServiceApp(actions, mail=getattr(actions, MAIL_CALLBACK, None), config=config, folder=folder)


@contextmanager
def _own_modules(folder: Path) -> Iterator[None]:
    """Lets the folder's modules be imported afresh, and puts back what was there before."""
    names = _module_names(folder)
    hidden = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in names}
    for name in hidden:
        del sys.modules[name]
    importlib.invalidate_caches()
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        sys.modules.update(hidden)
        if str(folder) not in sys.path:  # last: for imports inside functions, behind everybody else's
            sys.path.append(str(folder))


def _module_names(folder: Path) -> set[str]:
    files = {path.stem for path in folder.glob("*.py")}
    packages = {path.parent.name for path in folder.glob("*/__init__.py")}
    # A file named like a module of Python must not replace it for the whole process.
    return (files | packages) - set(sys.stdlib_module_names)


def _import(name: str, folder: Path) -> ModuleType:
    try:
        return importlib.import_module(name)
    except SyntaxError as error:
        where = f"{error.filename or folder / name}, line {error.lineno}"
        raise ConfigError(where, error.msg, "valid Python") from error
    except (Exception, SystemExit) as error:
        where = _place(error, folder) or str(folder / f"{name}.py")
        cause = f"{type(error).__name__}: {error}"
        raise ConfigError(where, cause, "a module that can be imported") from error


def _place(error: BaseException, folder: Path) -> str | None:
    """The innermost line of the folder's own code that took part."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(folder)]
    return f"{own[-1].filename}, line {own[-1].lineno}" if own else None
