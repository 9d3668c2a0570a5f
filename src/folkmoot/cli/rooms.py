"""`folkmoot rooms`: the rooms one is in, who else is in them, and what was said there."""

import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from folkmoot.cli.asking import Call, Limit, Skip, Wish, Workspace, ask, ask_there, get, post, workspace_headers
from folkmoot.cli.client import Client
from folkmoot.cli.connection import connect
from folkmoot.cli.given import Given, given, json_object
from folkmoot.cli.printing import AsJson, fact_lines, print_json, print_table, print_text, say_what_is_left, table_of
from folkmoot.cli.process import Signals, go
from folkmoot.cli.room_files import attach, file_at
from folkmoot.cli.room_names import RoomName, Who, find_member_id, find_room_id, room_path, who_is
from folkmoot.cli.room_text import hit_line, log_line, member_line
from folkmoot.cli.screen import Screen
from folkmoot.cli.text import objects, word
from folkmoot.kernel.json import Json, JsonObject, dumps


class Mode(StrEnum):
    OPEN = "open"
    MENTIONS = "mentions"
    QUIET = "quiet"


class PersonRole(StrEnum):
    OWNER = "owner"
    MEMBER = "member"
    VIEWER = "viewer"


class Category(StrEnum):
    INSTRUCTOR = "instructor"
    PARTICIPANT = "participant"
    EXTERNAL = "external"
    UTILITY = "utility"


command = typer.Typer(no_args_is_help=True, rich_markup_mode="rich" if sys.stdout.isatty() else None)


@command.command("list")
def list_rooms(limit: Limit = 50, skip: Skip = 0, workspace: Workspace = None, json: AsJson = False) -> None:
    """The rooms you are in, those last changed first, with what is unread in them."""

    def tell(page: JsonObject, screen: Screen) -> None:
        found, unread = objects(page.get("rooms")), page.get("unread")
        counts = unread if isinstance(unread, dict) else {}
        rows = (
            [one.get("id"), one.get("mode"), one.get("last_seq"), counts.get(str(one.get("id")), 0), one.get("name")]
            for one in found
        )
        none = "You are in no room here; folkmoot rooms create makes one"
        print_table(table_of(("ID", "MODE", "MESSAGES", "UNREAD", "NAME"), rows) if found else none)
        say_what_is_left(screen, page, len(found))

    ask(Wish(workspace, json), lambda: get("/api/rooms", limit=limit, skip=skip), tell)


@command.command("create")
def create_room(
    name: Annotated[str, typer.Argument(help="Its name.")],
    description: Annotated[str | None, typer.Option(help="Its purpose; agents are told.")] = None,
    mode: Annotated[
        Mode, typer.Option(help="Whether agents speak unasked, only when called upon, or never.")
    ] = Mode.OPEN,
    frequency: Annotated[
        float, typer.Option(min=0, max=1, help="How likely an agent without a trigger speaks after a message.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(min=0, help="Draws who speaks.")] = 0,
    approval: Annotated[bool, typer.Option("--approval", help="Agents only propose what they say.")] = False,
    settings: Annotated[
        str | None, typer.Option(help="Further settings: a JSON object, @FILE, or - for stdin.", metavar="JSON")
    ] = None,
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """Make a room, which you own; nobody else sees it until he is added."""
    read = _read("--settings", settings)

    def prepare() -> Call:
        return post(
            "/api/rooms",
            name=name,
            description=description,
            mode=mode.value,
            ai_frequency=frequency,
            seed=seed,
            approval=approval,
            settings=_object(read),
        )

    def tell(room: JsonObject, screen: Screen) -> None:
        print_text(f"{word(room.get('name'))}\nroom {word(room.get('id'))}")

    ask(Wish(workspace, json), prepare, tell)


@command.command("show")
def show_room(room: RoomName, workspace: Workspace = None, json: AsJson = False) -> None:
    """One room: how it is set, and who is in it."""

    async def work(signals: Signals) -> int:
        screen, headers = Screen(is_quiet=json), workspace_headers(workspace)
        async with connect(screen, signals) as client:
            here = client.within(headers)
            path = room_path(await find_room_id(here, room))
            found = await here.get(path)
            members = [one async for one in here.pages(f"{path}/members", "members")]
        if json:
            print_json({**found, "members": [*members]})
        else:
            print_text("\n".join([*room_lines(found), "", *map(member_line, members)]))
        return 0

    go(work, is_json=json)


@command.command("add")
def add_member(
    room: RoomName,
    who: Who,
    role: Annotated[PersonRole | None, typer.Option(help="Of a person.  [default: member]")] = None,
    category: Annotated[Category | None, typer.Option(help="Of an agent.  [default: participant]")] = None,
    trigger: Annotated[
        str | None, typer.Option(help="When an agent speaks unasked: a JSON object, @FILE or -.", metavar="JSON")
    ] = None,
    schedule: Annotated[
        str | None, typer.Option(help="When it may at all: a JSON object, @FILE or -.", metavar="JSON")
    ] = None,
    asleep: Annotated[bool, typer.Option("--asleep", help="The agent speaks only when it is called upon.")] = False,
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """Add an agent, or a person of the workspace."""
    triggers, schedules = _read("--trigger", trigger), _read("--schedule", schedule)

    def make(path: str) -> Call:
        kind, ref = who_is(who)
        return post(
            f"{path}/members",
            **{f"{kind}_id": ref},
            role=role and role.value,
            category=category and category.value,
            trigger=_object(triggers),
            schedule=_object(schedules),
            asleep=asleep or None,
        )

    _ask_in(room, Wish(workspace, json), make, lambda member, _: print_text(member_line(member)))


@command.command("remove")
def remove_member(room: RoomName, who: Who, workspace: Workspace = None, json: AsJson = False) -> None:
    """Have somebody leave the room, who is told nothing from then on."""

    async def find(client: Client) -> Call:
        room_id = await find_room_id(client, room)
        return Call("DELETE", f"{room_path(room_id)}/members/{await find_member_id(client, room_id, who)}", {})

    ask_there(Wish(workspace, json), lambda: who_is(who), find, lambda *_: print_text(f"{who} has left the room"))


@command.command("log")
def show_log(
    room: RoomName,
    after: Annotated[int, typer.Option(min=0, help="Only what comes after this number.")] = 0,
    limit: Limit = 50,
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """What was said in a room, from the first message that is kept."""

    def tell(page: JsonObject, screen: Screen) -> None:
        found = objects(page.get("messages"))
        print_text("\n".join(log_line(one) for one in found) or "Nothing was said here")
        if page.get("next") is not None:
            screen.say(f"There may be more; go on with --after {word(page['next'])}")

    _ask_in(
        room, Wish(workspace, json), lambda path: get(f"{path}/messages", after_seq=after or None, limit=limit), tell
    )


@command.command("search")
def search_rooms(
    words: Annotated[str, typer.Argument(help="Words to look for.", metavar="WORDS")],
    room: Annotated[str | None, typer.Option(help="Only in this room, by id or name.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most so many.")] = 10,
    skip: Skip = 0,
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """Messages that hold the words, in all rooms you are in, the best first."""

    async def find(client: Client) -> Call:
        room_id = None if room is None else await find_room_id(client, room)
        return get("/api/rooms/search", q=words, room_id=room_id, limit=limit, skip=skip)

    def tell(page: JsonObject, screen: Screen) -> None:
        found = objects(page.get("hits"))
        print_text("\n".join(hit_line(one) for one in found) or "Nothing was found")
        say_what_is_left(screen, page, len(found))

    ask_there(Wish(workspace, json), lambda: None, find, tell)


@command.command("attach")
def attach_file(
    room: RoomName,
    path: Annotated[Path, typer.Argument(help="Text, Markdown, HTML, PDF or DOCX.", metavar="PATH")],
    workspace: Workspace = None,
    json: AsJson = False,
) -> None:
    """Bring a file to a room: who is in it finds it there, and so do its agents."""

    async def work(signals: Signals) -> int:
        screen, headers, paper = Screen(is_quiet=json), workspace_headers(workspace), file_at(path)
        async with connect(screen, signals, works=True) as client:
            here = client.within(headers)
            document = await attach(here, room_path(await find_room_id(here, room)), paper)
        if json:
            print_json(document)
        else:
            print_text(f"{word(document.get('title'))}\ndocument {word(document.get('id'))}")
        return 0

    go(work, is_json=json)


@command.command("delete")
def delete_room(room: RoomName, workspace: Workspace = None, json: AsJson = False) -> None:
    """Delete a room with all that was said in it."""
    _ask_in(
        room, Wish(workspace, json), lambda path: Call("DELETE", path, {}), lambda *_: print_text(f"{room} is deleted")
    )


def room_lines(room: JsonObject) -> list[str]:
    """How a room is set."""
    settings = room.get("settings")
    return fact_lines(
        {
            "room": word(room.get("id")),
            "name": word(room.get("name")),
            "about": word(room.get("description")),
            "mode": word(room.get("mode")),
            "frequency": word(room.get("ai_frequency")),
            "seed": word(room.get("seed")),
            "approval": "agents only propose" if room.get("approval") else "",
            "settings": word(dumps(settings)) if settings else "",
            "messages": word(room.get("last_seq")),
            "speaking": word(room.get("speaking_agent_id")),
            "created": word(room.get("created_at")),
        }
    )


def _ask_in(room: str, wish: Wish, make: Callable[[str], Call], tell: Callable[[JsonObject, Screen], None]) -> NoReturn:
    """A call of one room; `make` takes the room's address, and refuses at once what no room could be asked."""

    async def find(client: Client) -> Call:
        return make(room_path(await find_room_id(client, room)))

    ask_there(wish, lambda: make(""), find, tell)


def _read(option: str, typed: str | None) -> Given | None:
    return None if typed is None else given(option, typed)


def _object(read: Given | None) -> Json:
    return None if read is None else json_object(read)
