"""`folkmoot workers`: the processes of an installation, and having one let go of its runs."""

import sys
from typing import Annotated

import typer

from folkmoot.cli.asking import Wish, ask, get, post
from folkmoot.cli.printing import AsJson, print_table, print_text, short_time, table_of
from folkmoot.cli.problems import BadUsage
from folkmoot.cli.screen import Screen
from folkmoot.cli.text import objects, word
from folkmoot.kernel.ids import is_id
from folkmoot.kernel.json import Json, JsonObject

command = typer.Typer(no_args_is_help=True, rich_markup_mode="rich" if sys.stdout.isatty() else None)


@command.command("list")
def list_workers(json: AsJson = False) -> None:
    """The servers, workers and commands that share the database, the oldest first."""

    def tell(page: JsonObject, _: Screen) -> None:
        rows = (
            [one.get("id"), _kind(one), one.get("live_runs"), short_time(one.get("seen_at")), one.get("name"), _at(one)]
            for one in objects(page.get("workers"))
        )
        print_table(table_of(("PROCESS", "KIND", "RUNS", "SEEN", "NAME", "ADDRESS"), rows))

    ask(Wish(None, json), lambda: get("/api/workers"), tell)


@command.command("drain")
def drain_worker(
    host: Annotated[str, typer.Argument(help="The process's id.", metavar="HOST")],
    undo: Annotated[bool, typer.Option("--undo", help="Let it take runs again.")] = False,
    json: AsJson = False,
) -> None:
    """Have a process take no more runs, and hand over those it has once what is in flight has ended."""
    verb = "undrain" if undo else "drain"

    def tell(worker: JsonObject, _: Screen) -> None:
        print_text(f"{_kind(worker)}, {word(worker.get('live_runs'))} runs\nprocess {word(worker.get('id'))}")

    ask(Wish(None, json), lambda: post(f"/api/workers/{_id(host)}/{verb}"), tell)


def _id(host: str) -> str:
    """Raises BadUsage for what can be no process's id."""
    if not is_id(host):
        raise BadUsage(f"{word(host)!r} is no process's id; folkmoot workers list shows them")
    return host


def _kind(worker: JsonObject) -> str:
    return f"{word(worker.get('kind'))}, draining" if worker.get("is_draining") else word(worker.get("kind"))


def _at(worker: JsonObject) -> Json:
    return worker.get("address")
