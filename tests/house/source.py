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

_BLOCKS = {"body", "orelse", "finalbody", "handlers", "cases"}


@dataclass(frozen=True)
class Defined:
    """A class or function at any depth, and how many methods stand in its body."""

    name: str
    line: int
    lines: int
    is_class: bool
    methods: int


@dataclass(frozen=True)
class Facts:
    """What is remembered of a module's tree; `imports` are dotted names, lines, and whether inside a function."""

    has_docstring: bool
    definitions: tuple[Defined, ...]
    imports: tuple[tuple[str, int, bool], ...]


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

    @property
    def tree(self) -> ast.Module:
        """Parsed anew each time: those of all are a million objects, and the garbage collector would look at each."""
        return ast.parse(self.text, self.name)

    @cached_property
    def facts(self) -> Facts:
        return _facts(self.tree)

    @property
    def inside(self) -> str:
        """The path under the package: `runs/service.py`."""
        return self.path.relative_to(PACKAGE).as_posix()


def _facts(tree: ast.Module) -> Facts:
    definitions, imports = list[Defined](), list[tuple[str, int, bool]]()
    for node, in_function in _statements(tree):
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                definitions.append(_defined(node))
            case ast.Import(names=names):
                imports += [(alias.name, node.lineno, in_function) for alias in names]
            case ast.ImportFrom(module=module, names=names):
                imports += [(f"{module}.{alias.name}", node.lineno, in_function) for alias in names]
    return Facts(ast.get_docstring(tree) is not None, tuple(definitions), tuple(imports))


def _statements(tree: ast.Module) -> Iterator[tuple[ast.AST, bool]]:
    """Everything below that is no expression, and whether it stands inside a function."""
    waiting: list[tuple[ast.AST, bool]] = [(tree, False)]
    while waiting:
        node, in_function = waiting.pop()
        yield node, in_function
        in_function = in_function or isinstance(node, type_of_function)
        for part in _BLOCKS.intersection(node._fields):
            waiting += [(child, in_function) for child in getattr(node, part)]


def _defined(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> Defined:
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    methods = sum(isinstance(item, type_of_function) for item in node.body)
    return Defined(node.name, node.lineno, lines, isinstance(node, ast.ClassDef), methods)


@cache
def product() -> tuple[Source, ...]:
    return tuple(source for source in everything() if source.path.is_relative_to(PACKAGE))


@cache
def everything() -> tuple[Source, ...]:
    return tuple(Source(path) for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py")))
