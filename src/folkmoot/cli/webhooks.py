"""`folkmoot webhooks`: which software is told of what happens, and what came of it."""

import sys
from typing import Annotated

import typer

from folkmoot.cli.asking import Call, Limit, Skip, Wish, Workspace, ask, get, post
from folkmoot.cli.printing import AsJson, print_table, print_text, say_what_is_left, short_time, table_of
from folkmoot.cli.problems import BadUsage
from folkmoot.cli.screen import Screen
from folkmoot.cli.text import objects, word
from folkmoot.kernel.ids import is_id
from folkmoot.kernel.json import Json, JsonObject

Webhook = Annotated[str, typer.Argument(help="The webhook's id.", metavar="WEBHOOK")]

command = typer.Typer(no_args_is_help=True, rich_markup_mode="rich" if sys.stdout.isatty() else None)


@command.command("list")
def list_webhooks(limit: Limit = 50, skip: Skip = 0, workspace: Workspace = None, json: AsJson = False) -> None:
    """The workspace's webhooks, newest first."""

    def tell(page: JsonObject, screen: Screen) -> None:
        found = objects(page.get("webhooks"))
        rows = (
            [one.get("id"), _state(one), one.get("name"), _types(one.get("types")), one.get("url")] for one in found
        )
        none = "There are no webhooks here; folkmoot webhooks create makes one"
        print_table(table_of(("ID", "STATE", "NAME", "TYPES", "URL"), rows) if found else none)
        say_what_is_left(screen, page, len(found))

    ask(Wish(workspace, json), lambda: get("/api/webhooks", limit=limit, skip=skip), tell)


@command.command("create")
def create_webhook(
    name: Annotated[str, typer.Argument(help="Its name.")],
    url: Annotated[str, typer.Argument(help="What is called: http or https, at a public address.")],
    types: Annotated[
        list[str] | None, typer.Option("--type", help="A type of events; may be given again.  [default: all]")
    ] = None,
    project: Annotated[str | None, typer.Option(help="Only what is about the project with this id.")] = None,
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """Tell other software what happens. The secret that signs the calls is printed this once."""

    def prepare() -> Call:
        return post("/api/webhooks", name=name, url=url, types=[*(types or ["*"])], project_id=project)

    def tell(made: JsonObject, screen: Screen) -> None:
        print_text(f"webhook {word(made.get('id'))}\nsecret  {word(made.get('secret'))}")
        screen.say("The secret is not shown again")

    ask(Wish(workspace, json), prepare, tell)


@command.command("delete")
def delete_webhook(webhook: Webhook, workspace: Workspace = None, json: AsJson = False) -> None:
    """Delete a webhook; what was not sent yet is not sent."""

    def tell(_: JsonObject, screen: Screen) -> None:
        print_text(f"{webhook} is deleted")

    ask(Wish(workspace, json), lambda: Call("DELETE", _path(webhook), {}), tell)


@command.command("deliveries")
def list_deliveries(
    webhook: Webhook,
    status: Annotated[str | None, typer.Option(help="Only those that are pending, delivered or failed.")] = None,
    limit: Limit = 50,
    skip: Skip = 0,
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """What was sent to a webhook and what is still to be, newest first."""

    def prepare() -> Call:
        return get(f"{_path(webhook)}/deliveries", status=status, limit=limit, skip=skip)

    def tell(page: JsonObject, screen: Screen) -> None:
        found = objects(page.get("deliveries"))
        names = ("id", "seq", "event_type", "status", "attempts")
        rows = ([*(one.get(name) for name in names), short_time(one.get("next_at")), one.get("error")] for one in found)
        titles = ("ID", "SEQ", "EVENT", "STATUS", "TRIES", "NEXT (UTC)", "ERROR")
        print_table(table_of(titles, rows) if found else "Nothing was sent yet")
        say_what_is_left(screen, page, len(found))

    ask(Wish(workspace, json), prepare, tell)


def _path(webhook: str) -> str:
    if not is_id(webhook):
        raise BadUsage(f"{word(webhook)!r} is no webhook's id; folkmoot webhooks list shows them")
    return f"/api/webhooks/{webhook}"


def _state(webhook: JsonObject) -> str:
    if webhook.get("is_enabled"):
        return "enabled"
    reason = word(webhook.get("disabled_reason"))
    return f"disabled ({reason})" if reason else "disabled"


def _types(types: Json) -> str:
    return ", ".join(map(word, types)) if isinstance(types, list) else ""
