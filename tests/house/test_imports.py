"""What the import contracts cannot say: which room may know which library, and what a room's parts hold."""

import ast
from fnmatch import fnmatch

import pytest

from tests.house.source import PACKAGE, Source, everything, product, type_of_function

# library -> where it may be imported; a pattern is matched against the path under src/folkmoot
HOMES = {
    "fastapi": ("http/*", "*/deps.py", "*/*routes.py", "realtime/*", "app.py", "life.py"),
    "starlette": (
        *("http/*", "*/deps.py", "*/*routes.py", "realtime/*", "app.py"),
        *("accounts/door.py", "accounts/cookies.py"),
    ),
    "pypdf": ("knowledge/readers.py",),
    "bs4": ("knowledge/readers.py",),
    "numpy": ("knowledge/vectors.py",),
    "genai_prices": ("llm/*", "usage/*"),
    "pgqueuer": ("engine/*",),
    "socketio": ("realtime/*",),
    "asyncpg": ("db/*", "engine/*", "events/couriers.py"),
    "redis": ("events/couriers.py", "llm/cache.py"),
    "alembic": ("migrations/*", "db/*"),
    "aiohttp": ("llm/*", "net/*", "cli/*"),
    "httpx2": ("llm/*", "client/*"),
    "typer": ("cli/*",),
    "rich": ("cli/*",),
    "uvicorn": ("cli/*",),
    "opentelemetry": ("kernel/collector.py",),
    "pydantic_settings": ("kernel/settings.py",),
    "folkmoot.kernel.settings": ("kernel/*", "app.py", "life.py", "wiring.py", "cli/*", "migrations/*"),
}
# No SQL where a request is parsed, where its answer is shaped, and where a rule is stated.
NO_SQL = ("*/*routes.py", "*/deps.py", "*/schemas.py", "*/rules.py", "*/events.py", "http/*", "realtime/*")

# `folkmoot` resolves its public names lazily; `folkmoot.cli` is the entry point, loading commands by name.
# An adapter of the database is loaded, with its driver, where it is the one that is used.
LOADED_ON_FIRST_USE = ("__init__.py", "cli/*", "db/connect.py")
MORE_THAN_A_DOCSTRING = ("__init__.py", "cli/__init__.py", "client/__init__.py")


def stands_in(source: Source, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(source.inside, pattern) for pattern in patterns)


@pytest.mark.parametrize("library", HOMES)
def test_a_library_stays_at_home(library: str) -> None:
    strays = [
        f"{source.name}:{line}"
        for source in product()
        if not stands_in(source, HOMES[library])
        for name, line, _ in source.facts.imports
        if name == library or name.startswith(library + ".")
    ]
    assert strays == []


def test_no_sql_at_the_edge_and_in_rules() -> None:
    strays = [
        f"{source.name}:{line}"
        for source in product()
        if stands_in(source, NO_SQL)
        for name, line, _ in source.facts.imports
        if name.split(".")[0] == "sqlalchemy"
    ]
    assert strays == []


def test_own_modules_are_imported_at_the_top() -> None:
    lazy = [
        f"{source.name}:{line} {name}"
        for source in product()
        if not stands_in(source, LOADED_ON_FIRST_USE)
        for name, line, in_function in source.facts.imports
        if in_function and name.split(".")[0] == "folkmoot"
    ]
    assert lazy == []


def test_every_module_says_why_it_exists() -> None:
    written = [source for source in everything() if source.text.strip()]
    assert [source.name for source in written if not source.facts.has_docstring] == []


def test_every_folder_is_a_package() -> None:
    folders = {source.path.parent for source in product()} - {PACKAGE / "migrations" / "versions"}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


def test_a_package_holds_its_docstring_only() -> None:
    crowded = [
        source.name
        for source in product()
        if source.path.name == "__init__.py"
        and source.inside not in MORE_THAN_A_DOCSTRING
        and len(source.tree.body) > 1
    ]
    assert crowded == []


def test_rules_do_not_await() -> None:
    awaiting = [
        f"{source.name}:{node.lineno}"
        for source in product()
        if source.path.name == "rules.py"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.AsyncFunctionDef | ast.Await)
    ]
    assert awaiting == []


def test_the_environment_is_read_in_one_place() -> None:
    readers = [
        f"{source.name}:{node.lineno}"
        for source in product()
        if source.inside != "kernel/settings.py" and ("environ" in source.text or "getenv" in source.text)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute)
        and node.attr in {"environ", "getenv"}
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
    ]
    assert readers == []


def test_routes_only_parse_call_and_return() -> None:
    """No try and no SQL in a route: a problem is raised below and rendered once."""
    handling = [
        f"{source.name}:{node.lineno}"
        for source in product()
        if source.path.name == "routes.py"
        for function in ast.walk(source.tree)
        if isinstance(function, type_of_function)
        for node in ast.walk(function)
        if isinstance(node, ast.Try | ast.TryStar)
    ]
    assert handling == []
