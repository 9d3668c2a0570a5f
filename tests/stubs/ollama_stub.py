"""Ollama's server as a stub: chat, embed, tags, show."""

from dataclasses import replace

from aiohttp import web

from folkmoot.kernel.json import Json, JsonObject
from tests.stubs.stub import Reply, Stub, dumped, object_of, pieces, vector_of

MODEL = "llama-stub:3b"
WINDOW = 32_768
_FINISH = {"tool_calls": "stop"}
_DETAILS: JsonObject = {"family": "llama", "parameter_size": "3.2B", "quantization_level": "Q4_K_M"}
_MODELS: dict[str, JsonObject] = {
    "embed-stub:latest": {"capabilities": ["embedding"], "model_info": {"bert.context_length": 512}},
    MODEL: {"capabilities": ["completion", "tools"], "model_info": {"llama.context_length": WINDOW}},
}


class OllamaStub(Stub):
    """Knows two models; asked for another it answers 404 by itself, as Ollama does, unless `knows_all`."""

    knows_all = False

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/api/chat", self._chat),
            web.post("/api/embed", self._embed),
            web.get("/api/tags", self._tags),
            web.post("/api/show", self._show),
        ]

    async def _tags(self, _: web.Request) -> web.Response:
        at = "2026-11-02T10:00:00.000000000+01:00"
        listed: list[Json] = [
            {"name": name, "model": name, "size": 2_019_393_189, "modified_at": at, "details": _DETAILS}
            for name in _MODELS
        ]
        return web.json_response({"models": listed})

    async def _show(self, request: web.Request) -> web.Response:
        asked = (await request.json()).get("model")
        known = _MODELS.get(asked)
        return _unknown(str(asked)) if known is None else web.json_response(known)

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await self.said(request)
        if body["model"] not in _MODELS and not self.knows_all:
            return _unknown(str(body["model"]))
        return await self.answer(request, body, is_streamed=body.get("stream") is not False)

    async def _embed(self, request: web.Request) -> web.StreamResponse:
        body = await self.said(request)
        reply = self.next(body)
        if reply.raw is not None or reply.status != 200:
            return self.refused(reply)
        texts = body["input"]
        assert isinstance(texts, list)
        vectors: list[Json] = [vector_of(str(text)) for text in texts]
        counts: JsonObject = {"prompt_eval_count": len(texts)} if reply.usage is not None else {}
        return web.json_response({"model": body["model"], "embeddings": vectors, **counts})

    def error(self, reply: Reply) -> Json:
        return {"error": reply.text}

    def whole(self, reply: Reply) -> JsonObject:
        return _line(reply, reply.text, is_last=True)

    def lines(self, reply: Reply, body: JsonObject) -> tuple[list[bytes], list[bytes]]:
        silent = replace(reply, calls=())
        told = [
            _line(silent, "", thinking="Let me see."),
            *(_line(silent, one) for one in pieces(reply.text, self.chunks)),
        ]
        told += [_line(replace(reply, calls=(call,)), "") for call in reply.calls]
        last = [_line(silent, "", is_last=True)] if reply.finish is not None else []
        return [dumped(one) + b"\n" for one in (*told, *last)], []


def _line(reply: Reply, text: str, *, thinking: str | None = None, is_last: bool = False) -> JsonObject:
    message: JsonObject = {"role": "assistant", "content": text}
    if thinking is not None:
        message["thinking"] = thinking
    if reply.calls:
        message["tool_calls"] = [
            {"function": {"name": name, "arguments": object_of(arguments)}} for name, arguments in reply.calls
        ]
    line: JsonObject = {"model": MODEL, "created_at": "2026-11-21T10:00:00Z", "message": message, "done": is_last}
    if not is_last or reply.finish is None:
        return {**line, "done": False}
    line["done_reason"] = _FINISH.get(reply.finish, reply.finish)
    if reply.usage is not None:
        line["prompt_eval_count"] = reply.usage.get("prompt_tokens")
        line["eval_count"] = reply.usage.get("completion_tokens")
    return line


def _unknown(name: str) -> web.Response:
    return web.json_response({"error": f"model '{name}' not found"}, status=404)
