"""A chat without a server: keys and what they come to, what happens and what is shown of it."""

import asyncio
import io
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from rich.console import Console

from folkmoot.cli.chat_face import LiveFace, PlainFace
from folkmoot.cli.chat_line import Choice, Left, Line
from folkmoot.cli.chat_link import Link
from folkmoot.cli.chat_scene import Scene
from folkmoot.cli.problems import ConnectionLost, Refused, document, refused
from folkmoot.cli.process import Signals
from folkmoot.cli.room_text import asked_lines, hit_line, log_line, member_line, present, said
from folkmoot.kernel.json import JsonObject
from tests.cli.terminal import Terminal
from tests.cli.tube import screen_of

WORDS = ("@ada", "@adam", "@bea-2", "/quit", "/who")
AFTER: JsonObject = {"speaking_run_id": None, "speaking_agent_id": None}


def line() -> Line:
    return Line(lambda _: WORDS)


def message(seq: int, text: str, **more: object) -> JsonObject:
    known: JsonObject = {"id": f"m{seq}", "seq": seq, "content": text, "sender_type": "user", "sender_name": "Mo"}
    return {**known, "created_at": "2026-01-02T03:04:05Z", "run_id": None, **more}  # type: ignore[dict-item]


def event(kind: str, **data: object) -> JsonObject:
    return {"event_type": kind, "data": data}  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("keys", "text"),
    {
        "Hello\r": "Hello",
        "Hexlo\x1b[D\x1b[D\x1b[D\x04l\r": "Hello",
        "ello\x01H\x05!\r": "Hello!",
        "Hello you\x17there\r": "Hello there",
        "nothing\x15Hello\r": "Hello",
        "Hello all\x1b[D\x1b[D\x1b[D\x1b[D\x0b\r": "Hello",
        "Hellp\x7fo\r": "Hello",
        "typed\x03Hello\r": "Hello",
        "grün 日本\r": "grün 日本",
        "\x1b[200~two\r\nlines\r\n\x1b[201~ and more\r": "two\nlines and more",
        "Hi \x1b[3;5~\x1bb\x1b[15~\x00\x1ayou\r": "Hi you",
        "  \r\rHello\r": "Hello",
        "@be\there\r": "@bea-2 here",
        "to @a\tm\t!\r": "to @adam !",
        "/w\t\r": "/who ",
        "not/w\t\r": "not/w",
    }.items(),
)
def test_keys_make_a_line(keys: str, text: str) -> None:
    whole = line()
    assert list(whole.feed(keys.encode())) == [text]
    assert whole.text == ""
    by_bytes = line()
    assert [found for byte in keys.encode() for found in by_bytes.feed(bytes([byte]))] == [text]


def test_lines_come_back_and_somebody_leaves() -> None:
    typed = line()
    assert list(typed.feed(b"one\rtwo\r\x10\x10\x10!\r")) == ["one", "two", "one!"]
    assert list(typed.feed(b"\x1b[A\x1b[A\x1b[B\x1b[B\x1b[B\x04")) == [Left.END]
    assert list(typed.feed(b"x\x04\x03\x03")) == [Left.CANCEL]


def test_several_words_are_a_choice() -> None:
    typed = line()
    assert list(typed.feed(b"@a\t")) == []
    assert typed.text == "@ada"
    assert list(typed.feed(b"\t")) == [Choice(["@ada", "@adam"])]
    assert list(typed.feed(b" @zoe\t mail@a\t")) == []
    assert typed.text == "@ada @zoe mail@a"


def test_a_long_line_is_shown_around_its_cursor() -> None:
    typed = line()
    list(typed.feed(b"0123456789"))
    assert typed.window(5) == ("6789", " ", "")
    list(typed.feed(b"\x1b[D\x1b[D\x1b[D"))
    assert typed.window(8) == ("0123456", "7", "")
    assert typed.window(80) == ("0123456", "7", "89")
    list(typed.feed("\x05\x15日本語\x1b[200~\na\tb\x1b[201~".encode()))
    assert typed.window(6) == ("\u21b5a b", " ", "")
    assert typed.window(8) == ("語\u21b5a b", " ", "")


def test_what_was_said_is_plain_text() -> None:
    assert said(message(1, "Hello\nall\x1b[2J\n\n")) == "Mo: Hello\n    all[2J"
    assert said(message(1, "The task was started.", sender_type="system")) == "* The task was started."
    assert said(message(1, "", deleted_at="2026-01-02T03:04:05Z")) == "Mo: (deleted)"
    assert said(message(1, "See", attachments=[{"title": "a.md"}])) == "Mo: See\n    [file a.md]"
    assert said(message(1, "", attachments=[{"title": "a.md"}])) == "Mo: [file a.md]"
    cited: JsonObject = {"citations": [{"passage_id": "p1", "title": "a\nb.md"}], "unknown_citations": ["p2"]}
    assert said(message(1, "So it is [p1] [p2]", **cited)) == "Mo: So it is [p1] [p2]\n    [p1] a b.md"
    assert log_line(message(7, "Hello")) == "7  2026-01-02 03:04  Mo: Hello"
    ada: JsonObject = {"member_kind": "agent", "slug": "ada", "name": "Ada", "category": "utility", "asleep": True}
    assert member_line(ada) == "@ada  Ada  agent, utility, asleep"
    presence: JsonObject = {
        "people": [{"user_id": "u"}],
        "agents": [{"agent_id": "a", "state": "speaking"}, {"agent_id": "b", "state": "listening"}],
    }
    assert present(presence) == {"u": "here", "a": "speaking"}
    assert member_line({"member_kind": "user", "member_id": "u", "name": "Mo", "role": "owner"}, "here") == (
        "user:u  Mo  person, owner, here"
    )
    hit: JsonObject = {"room_name": "Harbour", "text": "is lost", "message": message(7, "Nothing is lost")}
    assert hit_line(hit) == "Harbour 7  2026-01-02 03:04  Mo: is lost"
    asked: JsonObject = {"question": "May Ada say this in the room?", "detail": {"text": "Yes.\nNo."}}
    assert asked_lines(asked)[:3] == ["May Ada say this in the room?", "    Yes.", "    No."]


def test_each_message_is_shown_once_and_the_rest_is_noted(capsys: pytest.CaptureFixture[str]) -> None:
    scene = Scene(PlainFace(is_json=False))
    scene.meet([{"member_id": "a", "name": "Ada", "slug": "ada"}])
    approval: JsonObject = {"id": "p", "question": "May Ada?", "detail": {"text": "Yes."}, "status": "pending"}
    happened = (
        event("room_message", message=message(1, "One"), room=AFTER),
        event("resource_changed", resource="room", view={"speaking_run_id": "r", "speaking_agent_id": "a"}),
        event("room_message", message=message(1, "One"), room={}),
        {**event("room_step", tool="search_knowledge", is_error=True), "agent_id": "a"},
        event("approval_required", approval=approval),
        event("approval_required", approval=approval),
        event("approved", approval={**approval, "status": "approved", "decided_by": {"name": "Mo"}}),
        event("room_message", message=message(2, "Two", sender_name="Ada", run_id="r"), room=AFTER),
        event("resource_changed", resource="room_message", view=message(1, "Uno", edited_at="2026-01-02T03:04:06Z")),
        event("resource_changed", resource="room_message", view=message(1, "Uno", reactions=[{}])),
        event("room_member_left", member_id="a"),
        event("room_member_joined", member={"member_id": "b", "name": "Bea"}),
        event("something_new", x=1),
    )
    for one in happened:
        assert scene.take(one)
    assert not scene.take(event("room_message", truncated=True))
    assert not scene.take({"event_type": "room_message"})
    printed = capsys.readouterr()
    assert printed.out == "Mo: One\nAda: Two\n"
    assert printed.err.splitlines() == [
        "Ada is speaking",
        "Ada used search_knowledge, in vain",
        "May Ada?",
        "    Yes.",
        "decide with /approve, or /reject and why",
        "approved by Mo: May Ada?",
        "message 1 of Mo is now: Uno",
        "Ada has left the room",
        "Bea is in the room now",
    ]
    assert (scene.shown, scene.speaking, scene.asked) == (2, None, {})


@dataclass
class Seat:
    """Somebody at a terminal."""

    face: LiveFace
    hands: int
    written: io.StringIO

    async def press(self, keys: str) -> None:
        os.write(self.hands, keys.encode())

    async def sees(self, is_so: Callable[[list[str]], bool]) -> list[str]:
        async with asyncio.timeout(10):
            while not is_so(rows := screen_of(self.written.getvalue())):  # noqa: ASYNC110 a thread brings the keys
                await asyncio.sleep(0.01)
        return rows


@asynccontextmanager
async def seated(monkeypatch: pytest.MonkeyPatch, width: int = 30) -> AsyncIterator[Seat]:
    hands, terminal = os.openpty()
    written = io.StringIO()
    face = LiveFace(Console(file=written, force_terminal=True, width=width, height=12), Signals())
    with os.fdopen(terminal) as stdin, monkeypatch.context() as patch:
        patch.setattr("sys.stdin", stdin)
        with face.open(lambda _: WORDS):
            yield Seat(face, hands, written)
            os.close(hands)  # the thread that waits for keys hears that there will be none


async def test_what_is_written_is_replaced_by_what_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    async with seated(monkeypatch) as seat:
        await seat.press("@be\tI type")
        await seat.sees(lambda rows: rows == ["> @bea-2 I type"])
        seat.face.said(message(1, "Well?"))
        seat.face.speaks("Ada")
        assert screen_of(seat.written.getvalue()) == ["Mo: Well?", "Ada is speaking", "> @bea-2 I type"]
        words = "Nothing is lost, whatever may become of the server"
        for end in range(1, len(words), 7):
            seat.face.speaks("Ada", words[:end])
        rows = screen_of(seat.written.getvalue())
        assert (rows[0], " ".join(rows[1:-1]), rows[-1]) == ("Mo: Well?", f"Ada: {words[:end]}", "> @bea-2 I type")
        seat.face.speaks(None)
        seat.face.said(message(2, words, sender_name="Ada"))
        rows = screen_of(seat.written.getvalue())
        assert (rows[0], " ".join(rows[1:-1]), rows[-1]) == ("Mo: Well?", f"Ada: {words}", "> @bea-2 I type")
        await seat.press("\r")
        assert await asyncio.wait_for(seat.face.typed.get(), 10) == "@bea-2 I type"
        await seat.sees(lambda rows: rows[-1] == ">")
        await seat.press("@a\t\t")
        await seat.sees(lambda rows: rows[-2:] == ["@ada  @adam", "> @ada"])
        await seat.press("\x03\x03")
        await asyncio.wait_for(seat.face.cancelled.wait(), 10)
    assert ">" not in screen_of(seat.written.getvalue())[-1], "the line is gone with who typed it"


async def test_only_the_end_of_a_long_text_is_shown_while_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    async with seated(monkeypatch) as seat:
        seat.face.speaks("Ada", " ".join(f"word{n}" for n in range(5000)))
        rows = screen_of(seat.written.getvalue())
        assert (len(rows), rows[-2].split()[-1]) == (9, "word4999")


async def test_a_call_is_made_again_while_the_server_is_away(capsys: pytest.CaptureFixture[str]) -> None:
    link = Link(PlainFace(is_json=False))
    faults = [refused(500, {}), refused(409, {"code": "key_reused"}), ConnectionLost()]

    async def send() -> str:
        if faults:
            raise faults.pop()
        return "stored"

    with pytest.raises(Refused) as raised:
        await link.patiently(send)
    assert document(raised.value)["code"] == "key_reused"
    assert await link.patiently(send) == "stored"
    assert capsys.readouterr().err == "the connection was lost, trying again\n"


def test_what_cannot_be_asked(terminal: Terminal) -> None:
    (terminal.folder / "empty").write_text("\n")
    for arguments, says in {
        ("chat", "x", "--as", "missing"): "missing cannot be read",
        ("chat", "x", "--as", "empty"): "empty holds no API key",
        ("chat", "x", "--server", "localhost:8000"): "is no server's address",
        ("chat", "x", "--workspace", "a b"): "is no workspace's id or slug",
    }.items():
        printed = terminal.type(*arguments)
        assert (printed.code, printed.out) == (2, ""), arguments
        assert says in printed.err, printed
    assert not (terminal.folder / "data").exists()
