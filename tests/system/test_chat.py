"""`folkmoot chat` as it is used: beside a server that is killed, with none, in a script and at a terminal."""

import asyncio
import signal
import termios
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from folkmoot.cli.room_text import said
from folkmoot.cli.text import objects
from folkmoot.kernel.json import JsonObject
from tests.cli.terminal import Terminal, environment
from tests.stubs.openai_stub import OpenAIStub, Reply
from tests.system.chatter import Chatter, chatting, sitting
from tests.system.installation import default_workspace
from tests.system.office import Headers, Office, opened
from tests.system.server import Api, Server


def heard(*endings: str) -> Callable[[Chatter], bool]:
    """Whether for each of these there is a line that ends so."""
    return lambda chatter: all(any(line.endswith(ending) for line in chatter.heard) for ending in endings)


def answered(word: str) -> Callable[[Chatter], bool]:
    """Whether the agent has said something with this word in it."""
    return lambda chatter: any(line.startswith("Cyn: ") and word in line for line in chatter.heard)


async def key_of(office: Office, session: Headers) -> str:
    """A new key of whose session it is."""
    made = await office.call("POST", "/api/api-keys", session, {"name": "chat", "scopes": ["write"]})
    return str(made["key"])


def kept(place: Path, key: str) -> str:
    place.write_text(f"{key}\n")
    return str(place)


async def furnish(office: Office, member_id: str) -> str:
    """A room of the admin's with another person and an agent in it."""
    await office.call("POST", "/api/agents", office.headers, {"definition_slug": "assistant", "name": "Cyn"})
    room = await office.call("POST", "/api/rooms", office.headers, {"name": "Harbour"})
    members: tuple[JsonObject, ...] = ({"user_id": member_id}, {"agent_id": "cyn"})
    for member in members:
        await office.call("POST", f"/api/rooms/{room['id']}/members", office.headers, member)
    return str(room["id"])


async def transcript(office: Office, room_id: str) -> list[str]:
    page = await office.call("GET", f"/api/rooms/{room_id}/messages?limit=200", office.headers)
    return [line for one in objects(page["messages"]) for line in said(one).split("\n")]


async def talk_through_a_kill(one: Chatter, other: Chatter, server: Server) -> None:
    """Lines of both before, while and after the server is away."""
    await one.say("Good morning", "@cyn first")
    await other.until(answered("first"))
    await other.say("@cyn second")
    await one.until(heard("@cyn second"))
    await server.kill()
    for chatter in (one, other):
        await chatter.until(lambda chatter: "the connection was lost, trying again" in chatter.noted)
    await one.say("while it is away")
    await other.say("I too")
    await server.start()
    for chatter in (one, other):
        await chatter.until(heard("while it is away", "I too"))
    await other.say("@cyn third")
    await one.until(answered("third"))
    await one.say("Good night")
    await other.until(heard("Good night"))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest) -> dict[str, str]:
    """The settings that name it."""
    return {} if request.param == "sqlite" else {"DATABASE_URL": request.getfixturevalue("own_postgres_url")}


async def test_two_people_read_the_same_though_the_server_was_killed(
    tmp_path: Path, unused_tcp_port: int, database: dict[str, str]
) -> None:
    address = f"http://127.0.0.1:{unused_tcp_port}"
    named = ("--server", address) if database else ()
    server = Server(tmp_path, "serve", "--port", str(unused_tcp_port), DEFAULT_MODEL="practice", **database)
    async with AsyncExitStack() as stack:
        stack.callback(server.close)
        await server.start()
        stack.push_async_callback(server.kill)
        http = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
        office = await opened(http, address, await default_workspace(Api(server, http)))
        mo_id, mo = await office.admit("mo")
        room_id = await furnish(office, mo_id)
        both = []
        for name, session in (("ada", office.headers), ("mo", mo)):
            key = kept(tmp_path / f"{name}.key", await key_of(office, session))
            chat = chatting(tmp_path, room_id, "--as", key, "--workspace", office.workspace_id, *named)
            both.append(await stack.enter_async_context(chat))
            await both[-1].until(lambda chatter: any("/help" in line for line in chatter.noted))
        one, other = both
        await talk_through_a_kill(one, other, server)
        told = await transcript(office, room_id)
        await office.call("DELETE", f"/api/rooms/{room_id}/members/{mo_id}", office.headers)
        assert await other.ended() == 2, "who is removed is told so and is out"
        assert "Room not found" in other.noted[-1]
        assert await one.leave() == 0
        assert one.heard == other.heard == told
        assert len(told) == len(set(told)), "nothing was said twice"
        assert {"ada@example.org: Good night", "mo@example.org: I too"} <= set(told)


@pytest.fixture
def terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Terminal:
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    return Terminal(tmp_path, capsys)


@pytest.fixture
def harbour(terminal: Terminal, request: pytest.FixtureRequest) -> Path:
    """The folder of data that nobody serves, with a room, made with the parameter's options, and an agent in it."""
    options: tuple[str, ...] = getattr(request, "param", ())
    assert terminal.type("agents", "create", "assistant", "--name", "Cyn").code == 0
    assert terminal.type("rooms", "create", "Harbour", *options).code == 0
    assert terminal.type("rooms", "add", "harbour", "agent:cyn").code == 0
    return terminal.folder


async def script(folder: Path, text: str, *options: str, **settings: str) -> tuple[int, Chatter]:
    async with chatting(folder, "harbour", *options, **settings) as chatter:
        await chatter.say(text)
        code = await chatter.leave()
    return code, chatter


async def test_a_script_talks_with_no_server_running(harbour: Path) -> None:
    code, chatter = await script(harbour, "@cyn one\n\n@cyn two", "--patient")
    assert (code, [line.partition(":")[0] for line in chatter.heard]) == (0, ["local owner", "Cyn"] * 2), chatter.noted


async def test_a_script_brings_a_file(harbour: Path) -> None:
    (harbour / "ferry plan.md").write_text("The zebra ferry leaves at nine.")
    code, chatter = await script(harbour, "/attach ferry plan.md\n@cyn When does the zebra ferry leave?", "--patient")
    assert (code, chatter.heard[0]) == (0, "local owner: [file ferry plan.md]"), chatter.noted
    assert "attaching ferry plan.md" in chatter.noted
    cited = [line for line in chatter.heard if line.startswith("    [")]
    assert all(line.endswith("] ferry plan.md") for line in cited)
    assert any(line.startswith("Cyn: ") for line in chatter.heard)
    for wrong, says in (
        ("/attach", "Say which file"),
        ("/attach .", "is a folder"),
        ("/attach x.md", "There is no file"),
    ):
        code, chatter = await script(harbour, f"{wrong}\nnot said", "--last", "0")
        assert (code, chatter.heard) == (2, []), wrong
        assert any(says in line for line in chatter.noted), chatter.noted


async def test_a_script_leaves_when_it_says_so(harbour: Path) -> None:
    code, chatter = await script(harbour, "/who\n/quit\nnot said")
    assert (code, chatter.heard) == (0, [])
    assert "@cyn  Cyn  agent, participant" in chatter.noted


async def test_a_script_ends_with_what_cannot_be_done(harbour: Path) -> None:
    code, chatter = await script(harbour, "/no-such thing\nnot said", "--json")
    assert (code, len(chatter.heard)) == (2, 1)
    assert "bad_usage" in chatter.heard[0]
    assert any("There is no /no-such;" in line for line in chatter.noted), chatter.noted


@pytest.mark.parametrize("harbour", [("--approval",)], indirect=True)
async def test_a_script_decides_what_an_agent_proposes(harbour: Path) -> None:
    code, chatter = await script(harbour, "@cyn one\n/reject Shorter, please\n/approve\n/approve")
    assert code == 2, "nothing is left to be decided"
    assert [line.partition(":")[0] for line in chatter.heard] == ["local owner", "Cyn"]
    question = "May Cyn say this in the room?"
    assert [line for line in chatter.noted if line.endswith(question)] == [
        question,
        f"rejected by local owner: {question}",
        question,
        f"approved by local owner: {question}",
    ]


@pytest.mark.parametrize("harbour", [("--approval",)], indirect=True)
async def test_what_waits_for_a_person_is_not_waited_for(harbour: Path) -> None:
    code, chatter = await script(harbour, "@cyn one")
    assert (code, chatter.heard) == (0, ["local owner: @cyn one"])
    assert chatter.noted[-1] == "decide with /approve, or /reject and why"


async def test_at_a_terminal(harbour: Path) -> None:
    words = "Nothing is lost whatever becomes of the server"
    replies = [Reply(text=words, breaks="hang_within"), Reply(text=words)]
    async with (
        OpenAIStub(replies) as stub,
        sitting(harbour, "harbour", OPENAI_BASE_URL=stub.base_url, DEFAULT_MODEL="openai:stub-1") as (sitter, tty),
    ):
        await sitter.sees(lambda rows: rows[-2:] == ["Harbour: local owner, Cyn; /help says what can be done", ">"])
        await sitter.press("@c\tfirst\r")
        await sitter.sees(lambda rows: any(row.startswith("Cyn: Nothing is") for row in rows))
        assert "local owner: @cyn first" in sitter.rows
        assert not any(words in row for row in sitter.rows), "half of it has come"
        await sitter.press("/stop\r")
        await sitter.sees(lambda rows: rows[-2:] == ["local owner: @cyn first", ">"])
        await sitter.press("@cyn second\r")
        rows = await sitter.sees(lambda rows: rows[-2:] == [f"Cyn: {words}", ">"])
        assert sum("Nothing" in row for row in rows) == 1
        assert not termios.tcgetattr(tty)[3] & termios.ECHO
        await sitter.press("not said\x03\x03")
        assert await asyncio.wait_for(sitter.process.wait(), 30) == 130
        mode = termios.tcgetattr(tty)[3]
        assert mode & termios.ECHO
        assert mode & termios.ICANON


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_a_signal_ends_it(harbour: Path, number: signal.Signals, code: int) -> None:
    async with chatting(harbour, "harbour") as chatter:
        await chatter.until(lambda chatter: any("/help" in line for line in chatter.noted))
        chatter.send(number)
        assert await chatter.ended() == code
