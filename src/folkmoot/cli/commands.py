"""The table of commands. A command's module is loaded by name when it is used, so that help stays quick."""

import importlib
import sys
from collections.abc import Sequence
from typing import NamedTuple

import typer


class Row(NamedTuple):
    module: str
    help: str


TABLE = {
    "run": Row("folkmoot.cli.run", "Give a task to a team and follow it to its result."),
    "resume": Row("folkmoot.cli.resume", "Go on with a run that was paused or interrupted."),
    "runs": Row("folkmoot.cli.runs", "List, show, compare, replay, fork and end runs."),
    "debate": Row("folkmoot.cli.debate", "Have agents debate a topic to a consensus, and follow it."),
    "debates": Row("folkmoot.cli.debates", "List, show, steer and report debates."),
    "approvals": Row("folkmoot.cli.approvals", "See what runs ask you, and decide."),
    "teams": Row("folkmoot.cli.teams", "List and show teams, and have them be as a file says."),
    "init": Row("folkmoot.cli.init", "Make Driver, Creator and Generator, and some sample knowledge."),
    "drive": Row("folkmoot.cli.drive", "Give Driver a task, which it does with the other agents."),
    "agents": Row("folkmoot.cli.agents", "List, make, wake and rest agents, and see what they keep."),
    "rooms": Row("folkmoot.cli.rooms", "List and make rooms, say who is in them, and read what was said."),
    "chat": Row("folkmoot.cli.chat", "Talk with the people and agents of a room."),
    "knowledge": Row("folkmoot.cli.knowledge", "Add files and folders, search them, and say what there is."),
    "tools": Row("folkmoot.cli.tools", "List, allow and forbid what agents may use, and try it."),
    "mcp": Row("folkmoot.cli.mcp", "List, add, refresh and remove MCP servers, and call their tools."),
    "events": Row("folkmoot.cli.events", "Show what has happened in a workspace, and follow what happens."),
    "workspaces": Row("folkmoot.cli.workspaces", "List workspaces and make them."),
    "schedules": Row("folkmoot.cli.schedules", "List, make, pause, resume and run what starts runs by itself."),
    "webhooks": Row("folkmoot.cli.webhooks", "List, make and delete webhooks, and see what was sent to them."),
    "usage": Row("folkmoot.cli.usage", "Show what calls of language models took, or write it into a CSV file."),
    "budgets": Row("folkmoot.cli.budgets", "List, set, raise and delete budgets."),
    "secrets": Row("folkmoot.cli.secrets", "Set, list and delete a workspace's own keys, and encrypt them anew."),
    "models": Row("folkmoot.cli.language_models", "List the language models that can be asked, and try one."),
    "users": Row("folkmoot.cli.users", "List the people who may log in, and make an admin."),
    "token": Row("folkmoot.cli.token", "Show the admin token."),
    "serve": Row("folkmoot.cli.serve", "Serve the API."),
    "worker": Row("folkmoot.cli.worker", "Work on runs for the servers of a PostgreSQL database."),
    "workers": Row("folkmoot.cli.workers", "List the processes of an installation, and drain them."),
    "config": Row("folkmoot.cli.config", "Print the settings in effect, with secrets masked."),
    "doctor": Row("folkmoot.cli.doctor", "Check what a start needs, and say what to do."),
    "db": Row("folkmoot.cli.db", "Move the database between revisions, copy it to another, back it up."),
    "eval": Row("folkmoot.cli.evaluation", "Compare debates with what is known of them, and see whether they pay."),
    "bench": Row("folkmoot.cli.bench", "Measure what an installation can do, on your own database."),
    "version": Row("folkmoot.cli.version", "Print the version."),
}


def build(chosen: str | None) -> typer.Typer:
    """The program, with the chosen command's module loaded and a name and a sentence for each of the others."""
    program = typer.Typer(
        help="Teams of AI agents that plan, work, review and deliver, on your own machine.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich" if sys.stdout.isatty() else None,
    )
    # Without a callback Typer would turn a program of one command into that command.
    program.callback()(_nothing)
    for name, row in TABLE.items():
        if name != chosen:
            program.command(name, help=row.help)(_nothing)
            continue
        loaded = importlib.import_module(row.module)
        if isinstance(loaded.command, typer.Typer):
            program.add_typer(loaded.command, name=name, help=row.help)
        else:
            program.command(name, help=row.help)(loaded.command)
    return program


def main(arguments: Sequence[str] | None = None) -> None:
    given = list(sys.argv[1:] if arguments is None else arguments)
    build(given[0] if given else None)(args=given, prog_name="folkmoot")


def _nothing() -> None:
    return
