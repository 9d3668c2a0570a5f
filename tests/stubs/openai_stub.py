"""An OpenAI-compatible server that says what it is told to, over real HTTP, faults included."""

import argparse
import asyncio
import json

from aiohttp import web

from folkmoot.kernel.json import Json, JsonObject
from tests.stubs.stub import LONG_TEXT, Reply, Script, Stub, dumped, pieces, vector_of

__all__ = ["LONG_TEXT", "MODEL", "OpenAIStub", "Reply", "Script", "team_script", "tool_script"]

MODEL = "stub-1"


class OpenAIStub(Stub):
    """Also has embeddings, the same for the same words."""

    @property
    def base_url(self) -> str:
        return f"{self.address}/v1"

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/v1/chat/completions", self._complete),
            web.post("/v1/embeddings", self._embed),
            web.get("/v1/models", self._models),
        ]

    async def _models(self, _: web.Request) -> web.Response:
        listed: Json = [{"id": "text-embedder", "object": "model"}, {"id": MODEL, "object": "model"}]
        return web.json_response({"object": "list", "data": listed})

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = await self.said(request)
        return await self.answer(request, body, is_streamed=body.get("stream") is True)

    async def _embed(self, request: web.Request) -> web.StreamResponse:
        body = await self.said(request)
        reply = self.next(body)
        if reply.raw is not None or reply.status != 200:
            return self.refused(reply)
        texts = body["input"]
        assert isinstance(texts, list)
        data: list[Json] = [{"index": n, "embedding": vector_of(str(text))} for n, text in enumerate(texts)]
        counts: JsonObject = {"usage": {"prompt_tokens": len(texts)}} if reply.usage is not None else {}
        return web.json_response({"object": "list", "data": data[::-1], **counts})

    def error(self, reply: Reply) -> Json:
        return {"error": {"message": reply.text, "type": "stub", "code": reply.code}}

    def whole(self, reply: Reply) -> JsonObject:
        message: JsonObject = {"role": "assistant", "content": reply.text or None}
        if reply.calls:
            message["tool_calls"] = [_call(n, name, given, reply) for n, (name, given) in enumerate(reply.calls)]
        choice: JsonObject = {"index": 0, "message": message, "finish_reason": reply.finish}
        whole: JsonObject = {"id": "stub", "object": "chat.completion", "model": MODEL, "choices": [choice]}
        return whole if reply.usage is None else {**whole, "usage": reply.usage}

    def lines(self, reply: Reply, body: JsonObject) -> tuple[list[bytes], list[bytes]]:
        rest: list[bytes] = []
        if reply.usage is not None and _wants_usage(body):
            rest.append(_event(dumped({"choices": [], "usage": reply.usage})))
        if reply.has_done:
            rest.append(_event(b"[DONE]"))
        return [_event(dumped(chunk)) for chunk in _chunks(reply, self.chunks)], rest


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


def _call(number: int, name: str, arguments: str, reply: Reply) -> JsonObject:
    call: JsonObject = {
        "id": f"call_{number}",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }
    return call if reply.call_extra is None else {**call, "extra_content": reply.call_extra}


def _chunks(reply: Reply, count: int) -> list[JsonObject]:
    deltas: list[JsonObject] = [{"role": "assistant", "content": ""}]
    deltas.extend({"content": piece} for piece in pieces(reply.text, count))
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


def _event(data: bytes) -> bytes:
    return b"data: " + data + b"\n\n"


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
