"""Gemini's server as a stub: generateContent, streamGenerateContent, batchEmbedContents, models."""

from aiohttp import web

from folkmoot.kernel.json import Json, JsonObject
from tests.stubs.stub import Reply, Stub, dumped, object_of, pieces, vector_of

MODEL = "gemini-stub"
SIGNATURE = "c2lnbmF0dXJl"
_FINISH = {"stop": "STOP", "tool_calls": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"}
_STATUS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED"}


class GeminiStub(Stub):
    """Scripts find the model's name in the body, where this wire has none."""

    @property
    def base_url(self) -> str:
        return f"{self.address}/v1beta"

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/v1beta/models", self._models),
            web.post("/v1beta/models/{name:[^:]+}:{verb}", self._generate),
        ]

    async def _models(self, _: web.Request) -> web.Response:
        chat: JsonObject = {
            "name": f"models/{MODEL}",
            "inputTokenLimit": 1_048_576,
            "outputTokenLimit": 65_536,
            "supportedGenerationMethods": ["generateContent", "countTokens"],
            "thinking": True,
        }
        vectors: JsonObject = {
            "name": "models/gemini-embedding-stub",
            "inputTokenLimit": 2048,
            "supportedGenerationMethods": ["embedContent"],
        }
        return web.json_response({"models": [vectors, chat]})

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        body = {**await self.said(request), "model": request.match_info["name"]}
        match request.match_info["verb"]:
            case "generateContent":
                return await self.answer(request, body, is_streamed=False)
            case "streamGenerateContent" if request.query.get("alt") == "sse":
                return await self.answer(request, body, is_streamed=True)
            case "batchEmbedContents":
                return self._embedded(body)
            case _:
                return web.Response(status=404)

    def _embedded(self, body: JsonObject) -> web.Response:
        reply = self.next(body)
        if reply.raw is not None or reply.status != 200:
            return self.refused(reply)
        found: list[Json] = []
        requests = body["requests"]
        for one in requests if isinstance(requests, list) else []:
            match one:
                case {"model": str(), "taskType": str(), "content": {"parts": [{"text": str(text)}]}}:
                    found.append({"values": vector_of(text)})
        return web.json_response({"embeddings": found})

    def error(self, reply: Reply) -> Json:
        error: JsonObject = {
            "code": reply.status,
            "message": reply.text,
            "status": _STATUS.get(reply.status, "UNKNOWN"),
        }
        if reply.code is not None:  # the pause, which this wire has no header for
            kind = "type.googleapis.com/google.rpc.RetryInfo"
            error["details"] = [{"@type": kind, "retryDelay": reply.code}]
        return {"error": error}

    def whole(self, reply: Reply) -> JsonObject:
        parts: list[Json] = [{"text": reply.text}] if reply.text else []
        return _body([*parts, *_calls(reply)], reply.finish, reply.usage)

    def lines(self, reply: Reply, body: JsonObject) -> tuple[list[bytes], list[bytes]]:
        thought: Json = {"text": "Let me see.", "thought": True}
        bodies = [_body([thought], None, reply.usage)]
        bodies += [_body([{"text": piece}], None, reply.usage) for piece in pieces(reply.text, self.chunks)]
        bodies.append(_body(_calls(reply), reply.finish, reply.usage))
        return [b"data: " + dumped(one) + b"\r\n\r\n" for one in bodies], []


def _calls(reply: Reply) -> list[Json]:
    """The first of them is signed, as Gemini 3 does it."""
    calls: list[Json] = []
    for number, (name, arguments) in enumerate(reply.calls):
        call: JsonObject = {"functionCall": {"name": name, "args": object_of(arguments), "id": f"call_{number}"}}
        calls.append({**call, "thoughtSignature": SIGNATURE} if number == 0 else call)
    return calls


def _body(parts: list[Json], finish: str | None, usage: JsonObject | None) -> JsonObject:
    candidate: JsonObject = {"content": {"role": "model", "parts": parts}, "index": 0}
    if finish is not None:
        candidate["finishReason"] = _FINISH.get(finish, finish.upper())
    body: JsonObject = {"candidates": [candidate], "modelVersion": MODEL}
    if usage is not None:
        body["usageMetadata"] = {
            "promptTokenCount": usage.get("prompt_tokens"),
            "candidatesTokenCount": usage.get("completion_tokens"),
        }
    return body
