"""`folkmoot budgets`: what may be spent, by whom, and raising it for runs that wait."""

import sys
from typing import Annotated

import typer

from folkmoot.cli.asking import Call, Limit, Skip, Wish, Workspace, ask, get, workspace_headers
from folkmoot.cli.connection import connect
from folkmoot.cli.printing import AsJson, print_json, print_table, print_text, say_what_is_left, table_of
from folkmoot.cli.problems import BadUsage
from folkmoot.cli.process import Signals, go
from folkmoot.cli.screen import Screen
from folkmoot.cli.text import number, objects, word
from folkmoot.kernel.ids import is_id
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.usage.rules import BudgetScope, OnExceeded, Period

_PATH = "/api/budgets"

Budget = Annotated[str, typer.Argument(help="The budget's id.", metavar="BUDGET")]
Usd = Annotated[str | None, typer.Option(help="US dollars, such as 2.50.", metavar="AMOUNT")]
Tokens = Annotated[int | None, typer.Option(help="Tokens, in and out together.")]

command = typer.Typer(no_args_is_help=True, rich_markup_mode="rich" if sys.stdout.isatty() else None)


@command.command("list")
def list_budgets(limit: Limit = 50, skip: Skip = 0, workspace: Workspace = None, json: AsJson = False) -> None:
    """The workspace's budgets and what they have used, newest first."""

    def tell(page: JsonObject, screen: Screen) -> None:
        found = objects(page.get("budgets"))
        rows = (
            [one.get("id"), _thing(one), one.get("period"), *_amounts(one), one.get("on_exceeded")] for one in found
        )
        titles = ("ID", "FOR", "PERIOD", "USD", "TOKENS", "THEN")
        none = "There are no budgets here; folkmoot budgets set makes one"
        print_table(table_of(titles, rows) if found else none)
        say_what_is_left(screen, page, len(found))

    ask(Wish(workspace, json), lambda: get(_PATH, limit=limit, skip=skip), tell)


@command.command("set")
def set_budget(
    thing: Annotated[
        str, typer.Argument(help="What it is for: workspace, or run:ID, agent:ID, project:ID.", metavar="FOR")
    ] = "workspace",
    usd: Usd = None,
    tokens: Tokens = None,
    period: Annotated[Period, typer.Option(help="For once and all, or anew with each day in UTC.")] = Period.TOTAL,
    on_exceeded: Annotated[OnExceeded, typer.Option(help="What runs do at its end.")] = OnExceeded.PAUSE,
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """Make a budget, or change the one that there is for the same."""
    limits: JsonObject = {"usd": usd, "tokens": tokens, "on_exceeded": on_exceeded.value}

    async def work(signals: Signals) -> int:
        kind, _, scope_id = thing.partition(":")
        if kind not in set(BudgetScope) or bool(scope_id) != (kind != "workspace"):
            raise BadUsage(f"{word(thing)!r} is nothing a budget is for: workspace, run:ID, agent:ID or project:ID")
        if usd is None and tokens is None:
            raise BadUsage("Give a limit: --usd, --tokens, or both")
        screen = Screen(is_quiet=json)
        async with connect(screen, signals) as client:
            within = client.within(workspace_headers(workspace))
            named: dict[str, str | int] = {"scope_id": scope_id} if scope_id else {}
            page = await within.get(_PATH, scope_kind=kind, limit=200, **named)
            known = [one for one in objects(page.get("budgets")) if one.get("period") == period.value]
            new: JsonObject = {"scope_kind": kind, "period": period.value, **named, **limits}
            if known:
                answer = await within.patch(f"{_PATH}/{word(known[0].get('id'))}", limits)
            else:
                answer = await within.post(_PATH, new)
        print_json(answer) if json else print_text(_words(answer))
        return 0

    go(work, is_json=json)


@command.command("raise")
def raise_budget(
    budget: Budget, usd: Usd = None, tokens: Tokens = None, workspace: Workspace = None, json: AsJson = False
) -> None:
    """Give a budget another limit; runs that wait for it go on once there is room."""

    def prepare() -> Call:
        given: JsonObject = {"usd": usd, "tokens": tokens}
        change: JsonObject = {name: value for name, value in given.items() if value is not None}
        if not change:
            raise BadUsage("Say how far: --usd, --tokens, or both")
        return Call("PATCH", _path(budget), {}, change)

    ask(Wish(workspace, json), prepare, lambda answer, _: print_text(_words(answer)))


@command.command("delete")
def delete_budget(budget: Budget, workspace: Workspace = None, json: AsJson = False) -> None:
    """Delete a budget; what it limited is no longer limited by it."""

    def tell(_: JsonObject, screen: Screen) -> None:
        print_text(f"{budget} is deleted")

    ask(Wish(workspace, json), lambda: Call("DELETE", _path(budget), {}), tell)


def _path(budget: str) -> str:
    if not is_id(budget):
        raise BadUsage(f"{word(budget)!r} is no budget's id; folkmoot budgets list shows them")
    return f"{_PATH}/{budget}"


def _thing(budget: JsonObject) -> str:
    kind = word(budget.get("scope_kind"))
    return kind if kind == "workspace" else f"{kind}:{word(budget.get('scope_id'))}"


def _amounts(budget: JsonObject) -> list[Json]:
    """`0.0312 of 1.5`, or only what was used where there is no limit."""
    usd, tokens = budget.get("usd"), budget.get("tokens")
    used_usd, used_tokens = word(budget.get("used_usd")), f"{number(budget.get('used_tokens')):,}"
    return [
        used_usd if usd is None else f"{used_usd} of {word(usd)}",
        used_tokens if tokens is None else f"{used_tokens} of {number(tokens):,}",
    ]


def _words(budget: JsonObject) -> str:
    usd, tokens = _amounts(budget)
    period = " today" if budget.get("period") == Period.DAY else ""
    return f"budget {word(budget.get('id'))} for {_thing(budget)}: {usd} USD, {tokens} tokens used{period}"
