"""`folkmoot schedules`: what starts runs by itself, when it is due next, and starting it now."""

import sys
from typing import Annotated

import typer

from folkmoot.cli.asking import Call, Limit, Skip, Wish, Workspace, ask, get, post
from folkmoot.cli.printing import AsJson, print_table, print_text, say_what_is_left, short_time, table_of
from folkmoot.cli.problems import BadUsage
from folkmoot.cli.screen import Screen
from folkmoot.cli.text import objects, status_words, word
from folkmoot.kernel.ids import is_id
from folkmoot.kernel.json import Json, JsonObject

Schedule = Annotated[str, typer.Argument(help="The schedule's id.", metavar="SCHEDULE")]

command = typer.Typer(no_args_is_help=True, rich_markup_mode="rich" if sys.stdout.isatty() else None)


@command.command("list")
def list_schedules(limit: Limit = 50, skip: Skip = 0, workspace: Workspace = None, json: AsJson = False) -> None:
    """The workspace's schedules, newest first, and when each is due next."""

    def tell(page: JsonObject, screen: Screen) -> None:
        found = objects(page.get("schedules"))
        rows = (
            [one.get("id"), one.get("cron"), one.get("zone"), _next(one), one.get("name"), one.get("last_error")]
            for one in found
        )
        none = "There are no schedules here; folkmoot schedules create makes one"
        print_table(table_of(("ID", "CRON", "ZONE", "NEXT (UTC)", "NAME", "ERROR"), rows) if found else none)
        say_what_is_left(screen, page, len(found))

    ask(Wish(workspace, json), lambda: get("/api/schedules", limit=limit, skip=skip), tell)


@command.command("create")
def create_schedule(
    name: Annotated[str, typer.Argument(help="Its name.")],
    cron: Annotated[str, typer.Argument(help="When: minute, hour, day of month, month, day of week; '30 7 * * 1-5'.")],
    description: Annotated[str | None, typer.Option("--do", help="What is to be done: makes a task of it.")] = None,
    task: Annotated[str | None, typer.Option(help="Or the id of a task that there is.")] = None,
    team: Annotated[str | None, typer.Option(help="The team that does it.  [default: the task's]")] = None,
    zone: Annotated[str, typer.Option(help="The time zone of CRON, such as Europe/Berlin.")] = "UTC",
    paused: Annotated[bool, typer.Option("--paused", help="Start nothing until it is resumed.")] = False,
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """Run a task again and again, at times of a time zone."""

    def prepare() -> Call:
        if (description is None) == (task is None):
            raise BadUsage("Say what is to be done with --do, or name a task with --task")
        made: Json = None if description is None else {"description": description}
        overrides: Json = None if team is None else {"team": team}
        return post(
            "/api/schedules",
            name=name,
            cron=cron,
            zone=zone,
            task=made,
            task_id=task,
            input=overrides,
            is_paused=paused,
        )

    ask(Wish(workspace, json), prepare, _tell)


@command.command("pause")
def pause_schedule(schedule: Schedule, workspace: Workspace = None, json: AsJson = False) -> None:
    """Start nothing until it is resumed."""
    ask(Wish(workspace, json), lambda: post(_path(schedule, "pause")), _tell)


@command.command("resume")
def resume_schedule(schedule: Schedule, workspace: Workspace = None, json: AsJson = False) -> None:
    """Go on with the next time; what was missed is not made up for."""
    ask(Wish(workspace, json), lambda: post(_path(schedule, "resume")), _tell)


@command.command("run")
def run_schedule(schedule: Schedule, workspace: Workspace = None, json: AsJson = False) -> None:
    """Start its run now."""

    def tell(run: JsonObject, screen: Screen) -> None:
        print_text(f"run {word(run.get('id'))} {status_words(run)}")

    ask(Wish(workspace, json), lambda: post(_path(schedule, "run")), tell)


def _path(schedule: str, verb: str) -> str:
    if not is_id(schedule):
        raise BadUsage(f"{word(schedule)!r} is no schedule's id; folkmoot schedules list shows them")
    return f"/api/schedules/{schedule}/{verb}"


def _next(schedule: JsonObject) -> str:
    return "paused" if schedule.get("is_paused") else short_time(schedule.get("next_at"))


def _tell(schedule: JsonObject, screen: Screen) -> None:
    due = _next(schedule)
    said = due if due == "paused" else f"is due at {due} UTC"
    print_text(f"{word(schedule.get('name'))} {said}\nschedule {word(schedule.get('id'))}")
