"""Following a run over a connection that breaks: nothing is shown twice, and giving up says how to go on."""

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from folkmoot.cli import follow
from folkmoot.cli.client import Client, Frame, client_at
from folkmoot.cli.follow import Follower, RunLost
from folkmoot.cli.problems import Refused
from folkmoot.cli.progress import Progress
from folkmoot.cli.screen import Screen
from folkmoot.kernel.json import JsonObject, dumps

EVENTS: list[JsonObject] = [
    {"event_type": "run_status_changed", "data": {"status": "running", "waiting_for": None}},
    {
        "event_type": "progress",
        "data": {"step": 1, "total_steps": 2, "current_phase": "work", "progress_percent": 50.0},
    },
    {"event_type": "completion", "data": {"results": {"summary": "Done."}}},
]
LOGS: list[JsonObject] = [
    {"seq": 1, "at": "2026-01-02T03:04:05Z", "level": "info", "message": "Mike planned 2 steps"},
    {"seq": 2, "at": "2026-01-02T03:04:06Z", "level": "info", "message": "Alex finished step s1"},
]


@dataclass
class Wire:
    """A server whose stream breaks after so many frames, each time it is asked."""

    cut_after: int
    asked_after: list[str | None] = field(default_factory=list)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/api/runs/r/stream", self.stream)
        app.router.add_get("/api/runs/r/logs", self.logs)
        app.router.add_get("/api/runs/r", self.run)
        return app

    async def stream(self, request: web.Request) -> web.StreamResponse:
        after = request.headers.get("Last-Event-ID")
        self.asked_after.append(after)
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        await answer.write(b': hello\n\ndata: {"type": "delta", "key": "s1", "text": "abc"}\n\n')
        due = list(enumerate(EVENTS, 1))[int(after or 0) :]
        for seq, event in due[: self.cut_after]:
            await answer.write(f"id: {seq}\r\nevent: fact\ndata: {dumps(event)}\n\n".encode())
        if len(due) > self.cut_after or not self.cut_after:
            assert request.transport is not None
            request.transport.abort()
        return answer

    async def logs(self, request: web.Request) -> web.Response:
        after = int(request.query["after"])
        found = [line for line in LOGS if int(str(line["seq"])) > after]
        return web.json_response({"logs": found, "next": len(LOGS)})

    async def run(self, request: web.Request) -> web.Response:
        status = "completed" if (self.asked_after and len(self.asked_after) > 2) or self.cut_after > 2 else "running"
        usage = {"input_tokens": 10, "output_tokens": 5, "cost_usd": "0", "model_calls": 2}
        return web.json_response({"id": "r", "status": status, "usage": usage})


@asynccontextmanager
async def connected(wire: Wire) -> AsyncIterator[Client]:
    async with TestServer(wire.app()) as server, client_at(str(server.make_url("/"))) as client:
        yield client


async def test_a_broken_stream_is_taken_up_where_it_broke(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "_FIRST_DELAY_SECONDS", 0)
    wire, shown = Wire(cut_after=1), io.StringIO()
    async with connected(wire) as client:
        run = await Follower(client, "r", Progress(Screen(shown))).to_rest()
    assert run["status"] == "completed"
    assert wire.asked_after == [None, "1", "2"]
    assert shown.getvalue().splitlines() == [
        "03:04:05 Mike planned 2 steps",
        "03:04:06 Alex finished step s1",
        "50 % work, step 1 of 2; 2 calls, 10 tokens in, 5 out, no cost",
    ]


async def test_giving_up_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "_FIRST_DELAY_SECONDS", 0)
    wire = Wire(cut_after=0)
    async with connected(wire) as client:
        follower = Follower(client, "r", Progress(Screen(io.StringIO())))
        with pytest.raises(RunLost, match="folkmoot resume r"):
            await follower.to_rest()
    assert len(wire.asked_after) == 7


async def test_frames_are_read_as_the_standard_has_them() -> None:
    async with connected(Wire(cut_after=3)) as client:
        frames = [frame async for frame in client.stream("/api/runs/r/stream", "1")]
    assert [frame.id for frame in frames] == [None, "2", "3"]
    assert frames[0] == Frame(None, {"type": "delta", "key": "s1", "text": "abc"})


async def test_an_answer_that_is_no_problem_document_is_still_told() -> None:
    async with connected(Wire(cut_after=3)) as client:
        with pytest.raises(Refused) as caught:
            await client.get("/nowhere")
    assert caught.value.detail == "The server answered 404"


async def test_a_quiet_screen_shows_nothing() -> None:
    shown = io.StringIO()
    async with connected(Wire(cut_after=3)) as client:
        await Follower(client, "r", Progress(Screen(shown, is_quiet=True))).to_rest()
    assert shown.getvalue() == ""
