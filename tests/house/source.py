"""The source of the house as parsed modules, for the tests that read it instead of running it."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "folkmoot"
FOLDERS = ("src", "tests", "tools", "bench", "examples")

type_of_function = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Source:
    """One module; `name` is its path from the root, `room` the first folder or module under folkmoot."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        return self.path.read_text()

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.name)

    @cached_property
    def definitions(self) -> tuple[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, ...]:
        """Every class and function, also those inside others."""
        kinds = (ast.ClassDef, *type_of_function)
        return tuple(node for node, _ in _statements(self.tree, in_function=False) if isinstance(node, kinds))

    @property
    def inside(self) -> str:
        """The path under the package: `runs/service.py`."""
        return self.path.relative_to(PACKAGE).as_posix()

    def imports(self) -> tuple[tuple[str, int, bool], ...]:
        """Imported dotted names, with the line and whether it stands inside a function."""
        return self._imports

    @cached_property
    def _imports(self) -> tuple[tuple[str, int, bool], ...]:
        return tuple(_imports(self.tree))


def _statements(node: ast.AST, *, in_function: bool) -> Iterator[tuple[ast.AST, bool]]:
    """Everything below that is no expression, and whether it stands inside a function."""
    in_function = in_function or isinstance(node, type_of_function)
    for part in ("body", "orelse", "finalbody", "handlers", "cases"):
        for child in getattr(node, part, ()):
            yield child, in_function
            yield from _statements(child, in_function=in_function)


def _imports(tree: ast.Module) -> Iterator[tuple[str, int, bool]]:
    for node, in_function in _statements(tree, in_function=False):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno, in_function
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield f"{node.module}.{alias.name}", node.lineno, in_function


@cache
def product() -> tuple[Source, ...]:
    return tuple(source for source in everything() if source.path.is_relative_to(PACKAGE))


@cache
def everything() -> tuple[Source, ...]:
    return tuple(Source(path) for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py")))
