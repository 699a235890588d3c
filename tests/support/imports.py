"""What the modules of the package import, read from their source: nothing is executed."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "plugit_wsgi"


@dataclass(frozen=True)
class Import:
    """One imported module. Immutable.

    Args:
        importer: Dotted name of the module that imports.
        imported: Dotted name of what is imported; a module, not a name in it, where it is ours.
        line: Where.
        lazy: Whether it happens inside a function.
    """

    importer: str
    imported: str
    line: int
    lazy: bool

    @property
    def is_ours(self) -> bool:
        """Whether a module of the package is imported."""
        return self.imported.split(".")[0] == PACKAGE

    @property
    def library(self) -> str | None:
        """The third-party library that is imported, None for ours and what comes with Python or mypy."""
        top = self.imported.split(".")[0]
        return None if self.is_ours or top in sys.stdlib_module_names | {"_typeshed"} else top

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


def room_of(module: str) -> str:
    """`plugit_wsgi.wire.names` lives in the room `wire`; the package itself is the room `__init__`."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def read_package(source: Path) -> dict[str, Path]:
    """All modules below `source`/plugit_wsgi, by dotted name."""
    return {_dotted(source, path): path for path in sorted((source / PACKAGE).rglob("*.py"))}


def read_imports(modules: dict[str, Path]) -> list[Import]:
    """All imports of these modules, also those inside functions and `if TYPE_CHECKING`."""
    return [
        found
        for name, path in modules.items()
        for found in _imports_of(name, path.name == "__init__.py", path.read_text(encoding="utf-8"), modules)
    ]


def _dotted(source: Path, path: Path) -> str:
    parts = path.relative_to(source).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports_of(name: str, is_package: bool, text: str, modules: dict[str, Path]) -> Iterator[Import]:
    for node, lazy in _walk(ast.parse(text), lazy=False):
        for target in _targets(node, name, is_package):
            yield Import(name, _module_part(target, modules), node.lineno, lazy)


def _walk(node: ast.AST, *, lazy: bool) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            yield child, lazy
        inside = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        yield from _walk(child, lazy=lazy or inside)


def _targets(node: ast.Import | ast.ImportFrom, name: str, is_package: bool) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    base = _base(node, name, is_package)
    if base.split(".")[0] != PACKAGE:
        return [base]
    return [f"{base}.{alias.name}" for alias in node.names]


def _base(node: ast.ImportFrom, name: str, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    parents = name.split(".")
    up = node.level - 1 if is_package else node.level
    kept = parents[: len(parents) - up]
    return ".".join(kept + ([node.module] if node.module else []))


def _module_part(target: str, modules: dict[str, Path]) -> str:
    """`plugit_wsgi.errors.WireError` is the module `plugit_wsgi.errors`."""
    while target.startswith(PACKAGE + ".") and target not in modules:
        target = target.rpartition(".")[0]
    return target
