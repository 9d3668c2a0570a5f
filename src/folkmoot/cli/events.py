"""`folkmoot events`: a workspace's log, as far as it goes or as it goes on."""

import sys
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from dataclasses import asdict
from typing import Annotated, NamedTuple

import typer

from folkmoot.cli.asking import Call, Limit, Wish, Workspace, ask, get, workspace_headers
from folkmoot.cli.client import Place
from folkmoot.cli.connection import connect, until_free
from folkmoot.cli.printing import AsJson, print_json, print_text
from folkmoot.cli.problems import BadUsage, ConnectionLost, refused
from folkmoot.cli.process import Signals, go
from folkmoot.cli.screen import Screen
from folkmoot.cli.text import objects, word
from folkmoot.client.clients import AsyncFolkmoot
from folkmoot.client.faults import ApiProblem, ClientFault
from folkmoot.client.items import Event, Reset
from folkmoot.kernel.facts import REFERENCES
from folkmoot.kernel.json import JsonObject, dumps
from folkmoot.kernel.settings import load_settings


class Watch(NamedTuple):
    """What is to be followed, and how it is wanted."""

    channels: list[str]
    after: int | None
    workspace: str | None
    is_json: bool


def list_events(
    channel: Annotated[
        list[str] | None,
        typer.Option(help="Only these: agents, agent:ID, task:ID, run:ID. May be given again.", metavar="CHANNEL"),
    ] = None,
    after: Annotated[int | None, typer.Option(min=0, help="Only what comes after this number.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with what happens, until Ctrl-C.")] = False,
    limit: Limit = 50,
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """What has happened in a workspace, from the first event that is kept; with --follow, what happens from now on."""
    channels = channel or []
    if follow:

        async def work(signals: Signals) -> int:
            return await _follow(signals, Watch(channels, after, workspace, json))

        go(work, is_json=json)

    def prepare() -> Call:
        return get("/api/events", after=after, limit=limit, channels=",".join(channels) or None)

    def tell(page: JsonObject, screen: Screen) -> None:
        found = objects(page.get("events"))
        for event in found:
            print_text(event_line(event))
        if len(found) == limit:
            screen.say(f"There may be more; go on with --after {word(page.get('next'))}")

    ask(Wish(workspace, json), prepare, tell)


command = list_events


def event_line(event: JsonObject) -> str:
    """`12  2026-01-02 03:04:05  run_status_changed  run_id 0199...  {"status": ...}`"""
    when = word(event.get("timestamp"))[:19].replace("T", " ")
    about = [f"{name} {word(event[name])}" for name in REFERENCES if event.get(name)]
    return "  ".join([word(event.get("seq")), when, word(event.get("event_type")), *about, word(dumps(event["data"]))])


async def _follow(signals: Signals, watch: Watch) -> int:
    screen, settings = Screen(is_quiet=watch.is_json), load_settings()
    workspace_headers(watch.workspace)
    if not settings.is_postgres and await until_free(settings, screen) is None:
        raise BadUsage("Nobody serves this data, so nothing happens in it; start a server with: folkmoot serve")
    async with connect(screen, signals) as connected, _client_at(connected.place, watch) as client:
        with _translated():
            async with aclosing(client.events(watch.after, watch.channels)) as items:
                async for item in items:
                    _print(item, screen, watch)
    return 0


def _client_at(place: Place, watch: Watch) -> AsyncFolkmoot:
    return AsyncFolkmoot(place.address, api_key=place.token, workspace=watch.workspace, socket=place.socket)


def _print(item: Event | Reset, screen: Screen, watch: Watch) -> None:
    match item:
        case Reset() if watch.is_json:
            print_json({"type": "reset", **asdict(item)})
        case Reset():
            screen.say(f"What came before {item.oldest} is no longer kept; going on after {item.after}")
        case Event():
            frame = {name: value for name, value in item.model_dump(mode="json").items() if value is not None}
            if watch.is_json:
                print_json(frame)
            else:
                print_text(event_line(frame))
    sys.stdout.flush()


@contextmanager
def _translated() -> Iterator[None]:
    """The one place where the public client's faults become the terminal's."""
    try:
        yield
    except ApiProblem as problem:
        raise refused(problem.status, problem.document) from problem
    except ClientFault as fault:
        raise ConnectionLost(f"{fault}") from fault
