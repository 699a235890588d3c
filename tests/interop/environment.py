"""Makes the Python 2.7 environment in which the original implementation runs.

``python tests/interop/environment.py`` makes it if it is not there yet and prints where its interpreter is.

1. The environment lives in ``.interop/py27-HASH`` of the project, HASH being that of the pins: new pins, new
   environment.
2. It counts only once its marker is written, so a run that was broken off is simply done again.
3. Two runs at once are put in a row by a file lock.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
FOLDER = PROJECT / ".interop"
PINS = Path(__file__).with_name("requirements-py27.txt")

#: The last virtualenv that can make an environment for Python 2.7; it brings its own pip.
VIRTUALENV = "virtualenv==16.7.12"

MISSING = (
    "Python 2.7 is not here: neither a working `python2.7` on PATH nor a 2.7 below `pyenv root`. "
    "`pyenv install 2.7.18` brings one."
)


class EnvironmentMissing(RuntimeError):
    """The environment can not be made here; the text says what is missing."""


def find_python27() -> str | None:
    """Path of a Python 2.7 that runs, or None. A pyenv shim without its version does not run."""
    for candidate in _candidates():
        found = _executable_of(candidate)
        if found is not None:
            return found
    return None


def environment_python() -> Path:
    """Path the interpreter of the environment has, whether it is made yet or not."""
    return _home() / "bin" / "python"


def is_ready() -> bool:
    """Whether the environment for the present pins was made to its end."""
    return _marker().exists() and environment_python().exists()


def make_environment() -> Path:
    """Make the environment unless it is ready.

    Returns:
        The path of its interpreter.

    Raises:
        EnvironmentMissing: Python 2.7 is missing, or an installation failed.
    """
    if is_ready():
        return environment_python()
    python = find_python27()
    if python is None:
        raise EnvironmentMissing(MISSING)
    with _alone():
        if not is_ready():
            _build(python)
    return environment_python()


def _candidates() -> Iterator[str]:
    on_path = shutil.which("python2.7")
    if on_path:
        yield on_path
    for root in _pyenv_roots():
        yield from sorted(str(path) for path in root.glob("versions/2.7*/bin/python"))


def _pyenv_roots() -> Iterator[Path]:
    if os.environ.get("PYENV_ROOT"):
        yield Path(os.environ["PYENV_ROOT"])
    pyenv = shutil.which("pyenv")
    if pyenv:
        answer = subprocess.run([pyenv, "root"], capture_output=True, text=True, check=False)
        if answer.returncode == 0:
            yield Path(answer.stdout.strip())
    yield Path.home() / ".pyenv"


def _executable_of(candidate: str) -> str | None:
    question = "import sys; assert sys.version_info[:2] == (2, 7); print(sys.executable)"
    try:
        answer = subprocess.run(
            [candidate, "-c", question], capture_output=True, text=True, check=False, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None


def _home() -> Path:
    pins = hashlib.sha256((VIRTUALENV + "\n" + PINS.read_text()).encode()).hexdigest()
    return FOLDER / f"py27-{pins[:12]}"


def _marker() -> Path:
    return _home() / "complete"


@contextmanager
def _alone() -> Iterator[None]:
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / ".gitignore").write_text("*\n")
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(python: str) -> None:
    home = _home()
    tool = FOLDER / "virtualenv"
    shutil.rmtree(home, ignore_errors=True)
    shutil.rmtree(tool, ignore_errors=True)
    _run([python, "-m", "pip", "install", "--quiet", "--target", str(tool), VIRTUALENV])
    _run([python, str(tool / "virtualenv.py"), "--quiet", "--no-download", str(home)])
    pip = [str(environment_python()), "-m", "pip", "install", "--quiet"]
    _run([*pip, "--no-deps", "--requirement", str(PINS)])
    shutil.rmtree(tool, ignore_errors=True)
    _marker().write_text("made from " + PINS.name + "\n")


def _run(command: list[str]) -> None:
    answer = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if answer.returncode != 0:
        raise EnvironmentMissing(f"{' '.join(command)} failed:\n{answer.stdout}")


def main() -> int:
    """Make the environment; 0 when it is ready, 1 with a sentence on stderr when it can not be."""
    try:
        print(make_environment())
    except EnvironmentMissing as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
