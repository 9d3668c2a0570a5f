"""Writes what is read off the code: docs/errors.md, docs/events.md and .env.example (`make docs`)."""

import dataclasses
import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import SecretStr
from pydantic.fields import FieldInfo

import folkmoot
from folkmoot.kernel.errors import Problem
from folkmoot.kernel.facts import REFERENCES, Fact
from folkmoot.kernel.settings import Settings, names_of

ROOT = Path(__file__).resolve().parent.parent

T = TypeVar("T")

# Importing these does something: the application is built, the command line runs, a migration is looked for.
NOT_IMPORTED = re.compile(r"folkmoot\.(asgi|__main__|migrations\..*)")

# The database is SQLite in DATA_DIR until one of these says otherwise, so the example leaves them out.
COMMENTED_OUT = re.compile(r"(DB|POSTGRES)_.*|DATABASE_URL")

ERRORS = """\
# Errors

Every error of the API is a problem document (`application/problem+json`) with one of these codes. Where it
says *again*, the same request may be sent again. Written by `make docs`.

| code | status | | what is wrong |
|---|---|---|---|
"""
EVENTS = """\
# Events

What can stand in a workspace's event log and on its streams, by `type`. {references} are keys of the
frame itself, all other fields its `data`. Written by `make docs`.

| type | when | fields |
|---|---|---|
"""
SETTINGS = """\
# Settings with their defaults; copy to .env and change what you need. Written by `make docs`.
# The environment wins over .env, flags of the command line win over both.
"""


def subclasses(of: type[T]) -> Iterator[type[T]]:
    for subclass in of.__subclasses__():
        if subclass.__module__.startswith("folkmoot."):
            yield subclass
            yield from subclasses(subclass)


def import_everything() -> None:
    for module in pkgutil.walk_packages(folkmoot.__path__, "folkmoot."):
        if not NOT_IMPORTED.fullmatch(module.name):
            importlib.import_module(module.name)


def problems() -> list[type[Problem]]:
    import_everything()
    return sorted({Problem, *subclasses(Problem)}, key=lambda problem: (problem.status, problem.code))


def facts() -> list[type[Fact]]:
    import_everything()
    typed = {fact for fact in subclasses(Fact) if "type" in vars(fact)}
    return sorted(typed, key=lambda fact: fact.type)


def sentence(of: type) -> str:
    """The first paragraph of a docstring on one line, fit for a table."""
    text = inspect.cleandoc(of.__doc__ or "").split("\n\n")[0]
    return " ".join(text.split()).replace("|", "\\|")


def errors_page() -> str:
    rows = []
    for problem in problems():
        again = "again" if problem.retryable else ""
        rows.append(f"| `{problem.code}` | {problem.status} | {again} | {sentence(problem)} |")
    return ERRORS + "\n".join(rows) + "\n"


def fields_of(fact: type[Fact]) -> str:
    named = [
        f"`{field.name}`" if field.default is dataclasses.MISSING else f"`{field.name}?`"
        for field in dataclasses.fields(fact)
    ]
    return ", ".join(named)


def events_page() -> str:
    references = ", ".join(f"`{name}`" for name in REFERENCES)
    rows = [f"| `{fact.type}` | {sentence(fact)} | {fields_of(fact)} |" for fact in facts()]
    return EVENTS.format(references=references) + "\n".join(rows) + "\n"


def value_of(field: FieldInfo) -> str | None:
    """The default as it would be written in .env; None where there is none."""
    match field.get_default(call_default_factory=True, validated_data={}):
        case None:
            return None
        case bool() as flag:
            return str(flag).lower()
        case SecretStr() as secret:
            return secret.get_secret_value()
        case list() | tuple() | dict() as value:
            return json.dumps(value)
        case value:
            return str(value)


def settings_example() -> str:
    parts = [SETTINGS]
    for name, field in Settings.model_fields.items():
        first, *others = names_of(name, field)
        value = value_of(field)
        comment = field.description or ""
        if others:
            comment += f" (also {', '.join(others)})"
        mark = "#" if value is None or COMMENTED_OUT.fullmatch(first) else ""
        parts.append(f"\n# {comment.strip()}\n{mark}{first}={value or ''}\n")
    return "".join(parts)


PAGES: dict[str, Callable[[], str]] = {
    "docs/errors.md": errors_page,
    "docs/events.md": events_page,
    ".env.example": settings_example,
}


def main() -> None:
    for name, page in PAGES.items():
        path = ROOT / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(page())


if __name__ == "__main__":
    main()
