"""`folkmoot models`: which models can be asked, and whether one answers."""

import sys
from typing import Annotated, Literal

import typer

from folkmoot.cli.asking import Limit, Skip, Wish, Workspace, ask, get, workspace_headers
from folkmoot.cli.connection import connect
from folkmoot.cli.printing import AsJson, print_json, print_table, print_text, say_what_is_left, table_of
from folkmoot.cli.process import Signals, go
from folkmoot.cli.screen import Screen
from folkmoot.cli.text import cost_words, number, objects, word
from folkmoot.kernel.json import Json, JsonObject

command = typer.Typer(no_args_is_help=True, rich_markup_mode="rich" if sys.stdout.isatty() else None)


@command.command("list")
def list_models(
    provider: Annotated[str | None, typer.Option(help="Only those of this provider.", metavar="NAME")] = None,
    ability: Annotated[str | None, typer.Option(help="Only those that can do this.", metavar="ABILITY")] = None,
    limit: Limit = 50,
    skip: Skip = 0,
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """Every model of every configured provider; what is wrong with a provider comes on stderr."""

    def tell(page: JsonObject, screen: Screen) -> None:
        found = objects(page.get("models"))
        rows = ([_named(one), _tokens(one.get("context_tokens")), _listed(one.get("abilities"))] for one in found)
        print_table(table_of(("MODEL", "WINDOW", "CAN"), rows) if found else "There are no such models")
        for one in objects(page.get("providers")):
            error = one.get("error")
            if isinstance(error, dict):
                screen.say(f"{word(one.get('name'))}: {word(error.get('sentence'))}")
        say_what_is_left(screen, page, len(found))

    wanted = {"provider": provider, "ability": ability, "limit": limit, "skip": skip}
    ask(Wish(workspace, json), lambda: get("/api/models", **wanted), tell)


@command.command("test")
def try_model(
    model: Annotated[
        str | None, typer.Argument(help="provider:name.  [default: the default model]", metavar="MODEL")
    ] = None,
    ability: Annotated[Literal["chat", "embeddings"], typer.Option(help="What it is asked for.")] = "chat",
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """Make one call, and tell how long it took or why there was no answer; exit code 1 where there was none."""
    given: JsonObject = {"ability": ability} if model is None else {"ability": ability, "model": model}

    async def work(signals: Signals) -> int:
        screen = Screen(is_quiet=json)
        headers = workspace_headers(workspace)
        async with connect(screen, signals) as client:
            tested = await client.within(headers).post("/api/models/test", given)
        if json:
            print_json(tested)
        else:
            print_text(_outcome(tested))
        return 0 if tested.get("ok") is True else 1

    go(work, is_json=json)


def _outcome(tested: JsonObject) -> str:
    name, seconds, usage = word(tested.get("model")), tested.get("latency_seconds"), tested.get("usage")
    error = tested.get("error")
    if isinstance(error, dict):
        return f"{name} failed after {word(seconds)} s: {word(error.get('sentence'))} ({word(error.get('code'))})"
    used = usage if isinstance(usage, dict) else {}
    tokens = f"{number(used.get('input_tokens')):,} tokens in, {number(used.get('output_tokens')):,} out"
    said = tested.get("response")
    what = f"{number(tested.get('dimensions'))} dimensions" if said is None else word(said)
    return f"{name} answered in {word(seconds)} s ({tokens}, {cost_words(used.get('cost_usd'))})\n{what}"


def _named(model: JsonObject) -> Json:
    marks = [
        mark for mark, key in (("default", "is_default"), ("embeddings", "is_embedding_default")) if model.get(key)
    ]
    return word(model.get("name")) + (f" ({', '.join(marks)})" if marks else "")


def _tokens(value: Json) -> Json:
    return f"{number(value):,}" if value else ""


def _listed(value: Json) -> Json:
    return ", ".join(map(word, value)) if isinstance(value, list) else ""
