"""An OpenAI-compatible server that says what it is told to, over real HTTP, faults included."""

import argparse
import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Self

from aiohttp import web

from folkmoot.kernel.json import Json, JsonObject

MODEL = "stub-1"
LONG_TEXT = " ".join(f"word{number}" for number in range(66)) + "."


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer. With a `status` other than 200 `text` is the error's message; `raw` replaces the whole body."""

    text: str = ""
    calls: tuple[tuple[str, str], ...] = ()  # name, arguments as JSON text (or not)
    finish: str | None = "stop"  # None: the answer just ends
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    usage: JsonObject | None = field(default_factory=lambda: {**_COUNTS})
    code: str | None = None
    breaks: Literal["reset", "hang_before", "hang_within"] | None = None
    has_done: bool = True
    call_extra: JsonObject | None = None


_COUNTS: JsonObject = {"prompt_tokens": 12, "completion_tokens": 7}

Script = Sequence[Reply] | Callable[[JsonObject], Reply]


class OpenAIStub:
    """`async with OpenAIStub([Reply(...), ...]) as stub`: answers in this order, the last one again and again.

    A function takes the request's body and returns the reply. `calls` are the bodies received, `headers`
    the headers of each, `connections` those they came over; `chunks` is in how many pieces a streamed text comes.
    """

    def __init__(
        self,
        script: Script = (Reply(text=LONG_TEXT),),
        *,
        port: int = 0,
        delay_ms: float = 0,
        chunks: int = 5,
        keep_calls: bool = True,
    ) -> None:
        self.calls: list[JsonObject] = []
        self.headers: list[dict[str, str]] = []
        self.connections: set[object] = set()
        self.base_url = ""
        self._script = script
        self._port = port
        self._delay = delay_ms / 1000
        self._chunks = chunks
        self._keeps = keep_calls
        self._asked = 0
        self._closing = asyncio.Event()
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64_000_000)
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_get("/v1/models", self._models)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        port = self._runner.addresses[0][1]
        self.base_url = f"http://127.0.0.1:{port}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()
        assert self._runner is not None, "entered before"
        await self._runner.cleanup()

    async def _models(self, _: web.Request) -> web.Response:
        listed: Json = [{"id": "text-embedder", "object": "model"}, {"id": MODEL, "object": "model"}]
        return web.json_response({"object": "list", "data": listed})

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body: JsonObject = json.loads(await request.read())
        if self._keeps:
            self.calls.append(body)
            self.headers.append(dict(request.headers))
            self.connections.add(request.transport)
        reply = self._next(body)
        if self._delay:
            await asyncio.sleep(self._delay)
        if reply.breaks == "hang_before":
            await self._closing.wait()
        if reply.raw is not None or reply.status != 200:
            return web.Response(
                status=reply.status,
                headers=reply.headers,
                body=reply.raw if reply.raw is not None else _error(reply),
            )
        if body.get("stream"):
            return await self._streamed(request, reply, _wants_usage(body))
        if reply.breaks is not None:
            return await self._broken(request, reply)
        return web.Response(body=_dumped(_whole(reply)), content_type="application/json")

    def _next(self, body: JsonObject) -> Reply:
        self._asked += 1
        if callable(self._script):
            return self._script(body)
        return self._script[min(self._asked, len(self._script)) - 1]

    async def _broken(self, request: web.Request, reply: Reply) -> web.StreamResponse:
        """Headers and half a body, then a reset or silence."""
        body = _dumped(_whole(reply))
        response = web.StreamResponse(headers={"Content-Length": str(len(body))})
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
        return await self._break(request, reply, response)

    async def _streamed(self, request: web.Request, reply: Reply, wants_usage: bool) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        chunks = _chunks(reply, self._chunks)
        for number, chunk in enumerate(chunks):
            await response.write(b"data: " + _dumped(chunk) + b"\n\n")
            if reply.breaks and number == len(chunks) // 2:
                return await self._break(request, reply, response)
        if reply.usage is not None and wants_usage:
            await response.write(b"data: " + _dumped({"choices": [], "usage": reply.usage}) + b"\n\n")
        if reply.has_done:
            await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
        return response

    async def _break(self, request: web.Request, reply: Reply, response: web.StreamResponse) -> web.StreamResponse:
        if reply.breaks == "hang_within":
            await self._closing.wait()
        assert request.transport is not None, "the client is still there"
        request.transport.abort()
        return response


def team_script(body: JsonObject) -> Reply:
    """Plausible answers for a team's run, told by the name of the schema asked for."""
    asked = body.get("response_format")
    wanted = asked.get("json_schema") if isinstance(asked, dict) else None
    name = str(wanted.get("name") if isinstance(wanted, dict) else "").lower()
    if "plan" in name:
        return Reply(text=json.dumps(_PLAN))
    if "verdict" in name:
        return Reply(text=json.dumps({"decision": "approve", "findings": [], "confidence": 0.9}))
    if "summary" in name or "finish" in name:
        return Reply(text=json.dumps({"summary": "All done.", "deliverables": ["result.md"], "open_issues": []}))
    return Reply(text="The step's result, in full: it was done as asked.")


def tool_script(body: JsonObject) -> Reply:
    """Calls the first tool offered once, then answers."""
    tools, messages = body.get("tools"), body.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    answered = isinstance(last, dict) and last.get("role") == "tool"
    match tools:
        case [{"function": {"name": str(name)}}, *_] if not answered:
            return Reply(calls=((name, '{"query": "crash"}'),), finish="tool_calls")
        case _:
            return Reply(text=LONG_TEXT)


_PLAN: Json = {
    "complexity": "S",
    "steps": [
        {"id": "s1", "title": "Research", "role": "engineer", "depends_on": [], "acceptance": "Facts."},
        {"id": "s2", "title": "Write", "role": "engineer", "depends_on": ["s1"], "acceptance": "A text."},
        {"id": "s3", "title": "Check", "role": "tester", "depends_on": ["s2"], "acceptance": "No faults."},
    ],
    "assumptions": [],
}


def _error(reply: Reply) -> bytes:
    return _dumped({"error": {"message": reply.text, "type": "stub", "code": reply.code}})


def _call(number: int, name: str, arguments: str, reply: Reply) -> JsonObject:
    call: JsonObject = {
        "id": f"call_{number}",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }
    return call if reply.call_extra is None else {**call, "extra_content": reply.call_extra}


def _whole(reply: Reply) -> JsonObject:
    message: JsonObject = {"role": "assistant", "content": reply.text or None}
    if reply.calls:
        message["tool_calls"] = [_call(n, name, given, reply) for n, (name, given) in enumerate(reply.calls)]
    choice: JsonObject = {"index": 0, "message": message, "finish_reason": reply.finish}
    whole: JsonObject = {"id": "stub", "object": "chat.completion", "model": MODEL, "choices": [choice]}
    return whole if reply.usage is None else {**whole, "usage": reply.usage}


def _chunks(reply: Reply, count: int) -> list[JsonObject]:
    size = max(1, -(-len(reply.text) // count))
    deltas: list[JsonObject] = [{"role": "assistant", "content": ""}]
    deltas.extend({"content": reply.text[at : at + size]} for at in range(0, len(reply.text), size))
    for number, (name, arguments) in enumerate(reply.calls):
        half = len(arguments) // 2
        first = {**_call(number, name, arguments[:half], reply), "index": number}
        deltas.append({"tool_calls": [first]})
        deltas.append({"tool_calls": [{"index": number, "function": {"arguments": arguments[half:]}}]})
    chunks: list[JsonObject] = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    if reply.finish is not None:
        chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": reply.finish}]})
    return chunks


def _wants_usage(body: JsonObject) -> bool:
    options = body.get("stream_options")
    return isinstance(options, dict) and options.get("include_usage") is True


def _dumped(value: Json) -> bytes:
    return json.dumps(value).encode()


SCRIPTS: dict[str, Script] = {
    "plain": (Reply(text=LONG_TEXT),),
    "team": team_script,
    "tool": tool_script,
}


async def serve(port: int, delay_ms: float, chunks: int, script: str) -> None:
    """Until interrupted; prints its base URL first."""
    stub = OpenAIStub(SCRIPTS[script], port=port, delay_ms=delay_ms, chunks=chunks, keep_calls=False)
    async with stub:
        print(stub.base_url, flush=True)  # noqa: T201 whoever started it reads the address here
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay-ms", type=float, default=0)
    parser.add_argument("--chunks", type=int, default=33)
    parser.add_argument("--script", choices=sorted(SCRIPTS), default="plain")
    args = parser.parse_args()
    try:
        asyncio.run(serve(args.port, args.delay_ms, args.chunks, args.script))
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
