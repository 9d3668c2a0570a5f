"""`folkmoot run`: a task, its files and its team go in; the result and its artifacts come out."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from folkmoot.cli.client import Client
from folkmoot.cli.files import Attachment, read_files
from folkmoot.cli.folder import usable
from folkmoot.cli.printing import say_warnings
from folkmoot.cli.problems import BadUsage
from folkmoot.cli.process import Signals, go
from folkmoot.cli.screen import Screen, one_line
from folkmoot.cli.team_files import apply_team, is_file, read_teams
from folkmoot.cli.watch import Wish, watch
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import Json, JsonObject

_LONGEST_NAME = 120


def command(
    task: Annotated[str, typer.Argument(help="What is to be done, in your words.", metavar="TASK")],
    file: Annotated[
        list[Path] | None, typer.Option(help="A text or Markdown file for the team to read; may be repeated.")
    ] = None,
    team: Annotated[str, typer.Option(help="The team that works on it, by its slug or in a YAML file.")] = "mgx",
    model: Annotated[
        str | None,
        typer.Option(help="The language model that speaks, instead of the default.", metavar="PROVIDER:NAME"),
    ] = None,
    max_rounds: Annotated[
        int | None, typer.Option(min=1, max=20, help="At most so many rounds of work and review.")
    ] = None,
    approve_plan: Annotated[
        bool, typer.Option("--approve-plan", help="Have a person agree to the plan first.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="The folder for artifacts.  [default: folkmoot-out/RUN_ID]")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Give a task to a team and follow it to its result."""

    async def work(signals: Signals) -> int:
        if not task.strip():
            raise BadUsage("The task is empty; say what is to be done")
        attachments = read_files(file or ())
        if out is not None:
            usable(out)
        spec = read_teams(Path(team))[0] if is_file(team) else None
        wanted = new_task(task, spec.slug if spec else team, model, max_rounds)
        if approve_plan:
            wanted["config"] = {**_config(wanted), "plan_approval": True}

        async def begin(client: Client, screen: Screen) -> JsonObject:
            if spec is not None:
                _, applied = await apply_team(client, spec)
                say_warnings(applied, screen)
            return await start(client, screen, wanted, attachments)

        return await watch(signals, Wish(out, json), begin)

    go(work, is_json=json)


def new_task(task: str, team: str, model: str | None, max_rounds: int | None) -> JsonObject:
    """The task as the API takes it; what was not given is left to the API's defaults."""
    body: JsonObject = {"name": one_line(task, _LONGEST_NAME), "description": task, "team": team}
    body["config"] = {"models": [model]} if model else {}
    return body | ({} if max_rounds is None else {"max_rounds": max_rounds})


async def start(client: Client, screen: Screen, task: JsonObject, attachments: list[Attachment]) -> JsonObject:
    """Upload the files, make the task, start its run."""
    documents: list[Json] = []
    for attachment in attachments:
        screen.say(f"reading {attachment.title}")
        document = await client.post("/api/knowledge/documents?wait=300", {**attachment._asdict()})
        # The same text in two files is one document.
        if document["id"] not in documents:
            documents.append(document["id"])
    if documents:
        task = {**task, "config": {**_config(task), "documents": documents}}
    made = await client.post("/api/tasks", task)
    wanted: JsonObject = {"task_id": made["id"]}
    key = new_id()
    try:
        return await client.post("/api/runs", wanted, key)
    except asyncio.CancelledError:
        # Whether it was started is not known, so it is asked again under the same key and cancelled.
        run = await client.post("/api/runs", wanted, key)
        await client.post(f"/api/runs/{run['id']}/cancel")
        raise


def _config(task: JsonObject) -> JsonObject:
    config = task.get("config")
    return config if isinstance(config, dict) else {}
