"""Writes what is read off the code: docs/errors.md, docs/events.md, docs/roles.md and .env.example (`make docs`)."""

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
from folkmoot.events.registry import data_schemas
from folkmoot.kernel.errors import Problem
from folkmoot.kernel.facts import PART, REFERENCES, SHOWS, Fact
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.kernel.settings import Settings, names_of
from folkmoot.realtime.resources import RESOURCES
from tools.roles import roles_page

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
frame itself, all other fields its `data`; their schemas, with examples, are served at `/asyncapi.json`.
Written by `make docs`.

| type | when |
|---|---|
{types}

## Keeping what the API shows

Whoever has asked the API and folds in what has happened since sees what the API would answer now. Take a cursor
first (`?with_cursor=true`), then what you want to keep, then every event after the cursor, in order of `seq`:

1. `resource_changed` puts `view` in the place of what was known of `resource` and `id`. Where `view` is null the thing
   is gone, and with it what belonged to it: with a project its agents, tasks, runs, conversations, documents,
   contexts, schedules, approvals, debates, rooms and webhooks, with a run its approvals and its debate, with an agent
   its conversations, messages and contexts, with a conversation its messages, with a room its members, messages and
   documents. The runs of a deleted task or agent stay. Of a room only those are told who are in it.
2. A field that *shows* a resource does the same; one that shows a *part* has the id and what may be another now, to be
   merged into what is known. A new agent begins with totals of zero.
3. `completion`, `failure` and `cancelled` tell `results`, `plan_ready` tells `plan` of the run that they are about,
   where that is known.
4. Data with `truncated: true` was longer than 16 KB: ask the API for that resource.

A secret is known by its name, a member by the user's id, a debate by its `debate_id`, all else by its id. For every
verb of the API a test does exactly this and compares. What is not told, because it passes by itself or is read by a
cursor of its own:

| not told | why |
|---|---|
| an agent's `last_heartbeat` | every 15 seconds, for all agents of a process at once |
| an agent's totals, when a run ends and its status does not flip | told with the next flip |
| a live run's `duration_seconds`, and its `usage` between two statuses | they grow; `progress` tells a team's |
| the run of a reply | lists of runs leave it out; its messages tell what it says |
| what a budget has used, and what is set aside of it | with every call; `budget_exceeded` tells when it is used up |
| that the runs of a deleted room are shown no more | nobody is in it any more who could be told |
| a run's log and artifacts | read at `/api/runs/{{id}}/logs` and `/artifacts` |
| a context's data and versions | up to 1 MB; `agent_context_updated` tells the number, read what you need |
| mailbox messages past AGENT_MESSAGE_RETENTION_LIMIT | pruned in the background, the oldest first |
| a member's name and email | the user's, not the workspace's |
| a webhook's `url` | it may hold a secret, and events are for every member; what is sent to it is no event |
| a secret's `key` after a rotation | with which key it is encrypted is the server's business |
| that the workspace itself is gone, in its log | it goes with the workspace; whoever follows is told before |

## Data

{tables}
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


def shape(schema: Json) -> str:
    """What a value may be, in a few words."""
    if not isinstance(schema, dict):
        return "any"
    if isinstance(resource := schema.get(SHOWS), str):
        return f"part of {resource}" if PART in schema else resource
    if isinstance(either := schema.get("anyOf"), list):
        return " or ".join(dict.fromkeys(shape(option) for option in either))
    if isinstance(values := schema.get("enum"), list):
        return " or ".join(f"`{value}`" for value in values)
    return "any" if "$ref" in schema else str(schema.get("type", "any"))


def data_table(fact: type[Fact], schema: JsonObject) -> str:
    properties = schema["properties"]
    assert isinstance(properties, dict)
    rows = [f"| `{name}` | {shape(said)} |" for name, said in properties.items() if name != "truncated"]
    if not rows:
        return f"### {fact.type}\n\nNone."
    return "\n".join([f"### {fact.type}\n", "| field | shows or is |", "|---|---|", *rows])


def events_page() -> str:
    known = facts()
    schemas, _ = data_schemas(RESOURCES)
    return EVENTS.format(
        references=", ".join(f"`{name}`" for name in REFERENCES),
        types="\n".join(f"| `{fact.type}` | {sentence(fact)} |" for fact in known),
        tables="\n\n".join(data_table(fact, schemas[fact.type]) for fact in known),
    )


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
    "docs/roles.md": roles_page,
    ".env.example": settings_example,
}


def main() -> None:
    for name, page in PAGES.items():
        path = ROOT / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(page())


if __name__ == "__main__":
    main()
