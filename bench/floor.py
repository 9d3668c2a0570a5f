"""The floor of a message: minimal FastAPI, a wire client by hand, group-commit SQLite. No accounts, tenants, events."""

import argparse
import asyncio
import gc
import socket
import sqlite3
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel

from bench.store import Store
from bench.wire import Answer, Pool

HISTORY = 50
_MODEL_PATH = "/v1/chat/completions"
_SAY = "insert into message values (?, ?, ?, ?, ?, ?)"


class NewMessage(BaseModel):
    message: str
    conversation_id: str
    stream: bool = False


def ask(connection: sqlite3.Connection, new: NewMessage) -> tuple[str, list[dict[str, str]]]:
    """Store the question; answers the conversation and what has been said in it."""
    conversation = new.conversation_id
    if conversation == "new":
        conversation = str(uuid.uuid4())
        connection.execute("insert into conversation values (?, 0)", (conversation,))
    say(connection, conversation, "user", new.message)
    rows = connection.execute(
        "select direction, text from message where conversation_id = ? order by seq desc limit ?",
        (conversation, HISTORY),
    ).fetchall()
    return conversation, [{"role": direction, "content": text} for direction, text in reversed(rows)]


def say(connection: sqlite3.Connection, conversation: str, direction: str, text: str) -> None:
    (seq,) = connection.execute(
        "update conversation set last_seq = last_seq + 1 where id = ? returning last_seq", (conversation,)
    ).fetchone()
    at = datetime.now(UTC).isoformat()
    connection.execute(_SAY, (str(uuid.uuid4()), conversation, seq, direction, text, at))


class Deltas:
    """A streamed answer's text, taken off the wire all that is there at once."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.fresh: asyncio.Queue[str | None] = asyncio.Queue()
        self._rest = b""

    def feed(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        found = []
        for line in lines:
            if line.startswith(b"data: {"):
                choices = orjson.loads(line[6:])["choices"]
                found.append(choices[0]["delta"].get("content") or "" if choices else "")
        if text := "".join(found):
            self.text.append(text)
            self.fresh.put_nowait(text)

    def end(self, _: "asyncio.Task[Answer]") -> None:
        self.fresh.put_nowait(None)


def make(model_port: int, path: Path) -> FastAPI:
    store = Store(path)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        yield
        store.close()

    app = FastAPI(lifespan=lifespan)
    model = Pool(model_port)

    @app.get("/api/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/api/agents/{agent_id}/message")
    async def send_message(agent_id: str, new: NewMessage, request: Request) -> Response:
        asked = await store.write(lambda connection: ask(connection, new))
        assert isinstance(asked, tuple)
        conversation, said = asked
        body = orjson.dumps({"model": "stub-1", "messages": said, "stream": new.stream})
        if new.stream:
            return StreamingResponse(streamed(conversation, body), media_type="text/event-stream")
        answer = orjson.loads((await model.post(_MODEL_PATH, body)).body)
        text = answer["choices"][0]["message"]["content"]
        await store.write(lambda connection: say(connection, conversation, "assistant", text))
        told = {"response": text, "conversation_id": conversation, "agent_id": agent_id}
        return Response(orjson.dumps(told), media_type="application/json")

    async def streamed(conversation: str, body: bytes) -> AsyncIterator[bytes]:
        yield part("started", {"conversation_id": conversation})
        deltas = Deltas()
        asking = asyncio.create_task(model.post(_MODEL_PATH, body, deltas.feed))
        asking.add_done_callback(deltas.end)
        while (text := await deltas.fresh.get()) is not None:
            yield part("delta", {"text": text})
        await asking
        text = "".join(deltas.text)
        await store.write(lambda connection: say(connection, conversation, "assistant", text))
        yield part("done", {"response": text, "conversation_id": conversation})

    return app


def part(event: str, data: dict[str, str]) -> bytes:
    return b"event: " + event.encode() + b"\ndata: " + orjson.dumps(data) + b"\n\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model-port", type=int, required=True)
    args = parser.parse_args()
    with TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as listening:
        app = make(args.model_port, Path(folder, "floor.db"))
        config = uvicorn.Config(app, loop="uvloop", http="httptools", access_log=False, log_level="warning")
        server = Announced(config)
        server.run(sockets=[listening])


class Announced(uvicorn.Server):
    """Says its address when it is ready."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if sockets:
            print(f"http://127.0.0.1:{sockets[0].getsockname()[1]}", flush=True)


if __name__ == "__main__":
    main()
