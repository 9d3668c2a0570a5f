"""An MCP server over real HTTP that does what a test tells it to, faults included; as a process, the same by stdio."""

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Self

from aiohttp import web

from folkmoot.kernel.json import Json, JsonObject

ECHO: JsonObject = {
    "name": "echo",
    "description": "Say it again.",
    "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
    "annotations": {"readOnlyHint": True},
}
PICTURE: JsonObject = {"name": "picture", "description": "A picture.", "inputSchema": {"type": "object"}}

Fault = Literal["hang", "cut", "no_json", "no_answer", "error", "refuse", "down", "old"]


def echo(name: str, arguments: JsonObject) -> JsonObject:
    """What the tools answer where a test says nothing else."""
    if name == "picture":
        return {"content": [{"type": "image", "mimeType": "image/png", "data": "AAAA"}]}
    return {"content": [{"type": "text", "text": str(arguments.get("text"))}]}


@dataclass
class McpStub:
    """`async with McpStub() as stub`. `fault` is what goes wrong with the next requests to call or list tools.

    `calls` are the tool calls it took, `headers` those of every request, `sessions` how many it has begun;
    with a `token` it wants that as bearer. Beside it there is a web page.
    """

    tools: list[JsonObject] = field(default_factory=lambda: [ECHO, PICTURE])
    answer: Callable[[str, JsonObject], JsonObject] = echo
    is_streamed: bool = True
    token: str | None = None
    fault: Fault | None = None
    version: str = "2025-11-25"
    page: str = ""
    calls: list[tuple[str, JsonObject]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)
    sessions: int = 0
    address: str = ""
    _known: set[str] = field(default_factory=set)
    _closing: asyncio.Event = field(default_factory=asyncio.Event)
    _runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://{self.address}/mcp"

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/mcp", self._post)
        app.router.add_delete("/mcp", self._delete)
        app.router.add_get("/page", self._page_of_text)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.address = f"127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()
        assert self._runner is not None
        await self._runner.cleanup()

    def forget_sessions(self) -> None:
        self._known.clear()

    async def _page_of_text(self, request: web.Request) -> web.Response:
        return web.Response(text=self.page, content_type="text/html")

    async def _delete(self, request: web.Request) -> web.Response:
        self.methods.append("DELETE")
        self._known.discard(request.headers.get("Mcp-Session-Id", ""))
        return web.Response()

    async def _post(self, request: web.Request) -> web.StreamResponse:
        message: JsonObject = json.loads(await request.read())
        method = str(message["method"])
        self.methods.append(method)
        self.headers.append(dict(request.headers))
        if self.token is not None and request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.Response(status=401)
        if method == "initialize":
            self.sessions += 1
            self._known.add(f"s{self.sessions}")
            return web.json_response(self.result(message), headers={"Mcp-Session-Id": f"s{self.sessions}"})
        if request.headers.get("Mcp-Session-Id") not in self._known:
            return web.Response(status=404)
        if "id" not in message:
            return web.Response(status=202)
        if self.fault is not None and method.startswith("tools/"):
            return await self._faulty(request, message)
        if not self.is_streamed:
            return web.json_response(self.result(message))
        return await self._streamed(request, self.result(message))

    def result(self, message: JsonObject) -> JsonObject:
        """The message that answers a request."""
        answer: JsonObject = {"jsonrpc": "2.0", "id": message["id"]}
        params = message.get("params")
        given = params if isinstance(params, dict) else {}
        match message["method"]:
            case "initialize":
                info: JsonObject = {"name": "stub", "version": "1"}
                return {**answer, "result": {"protocolVersion": self.version, "capabilities": {}, "serverInfo": info}}
            case "tools/list":
                return {**answer, "result": self._page(given)}
            case "tools/call":
                name, arguments = str(given["name"]), given.get("arguments")
                self.calls.append((name, arguments if isinstance(arguments, dict) else {}))
                return {**answer, "result": self.answer(*self.calls[-1])}
            case _:
                return {**answer, "error": {"code": -32601, "message": "unknown method"}}

    def _page(self, params: JsonObject) -> JsonObject:
        """Two tools at a time."""
        start = int(str(params.get("cursor", "0")))
        tools: list[Json] = [*self.tools[start : start + 2]]
        page: JsonObject = {"tools": tools}
        return {**page, "nextCursor": str(start + 2)} if start + 2 < len(self.tools) else page

    async def _streamed(self, request: web.Request, answer: JsonObject, *, is_cut: bool = False) -> web.StreamResponse:
        """With an event that is for nobody before it, in lines that begin as some servers write them."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        notice: JsonObject = {"jsonrpc": "2.0", "method": "notifications/message", "params": {}}
        await response.write(b": hello\r\nid: 1\r\ndata:\r\n\r\ndata: " + json.dumps(notice).encode() + b"\r\n\r\n")
        if not is_cut:
            await response.write(b"event: message\ndata: " + json.dumps(answer).encode() + b"\n\n")
        await response.write_eof()
        return response

    async def _faulty(self, request: web.Request, message: JsonObject) -> web.StreamResponse:
        match self.fault:
            case "hang":
                await self._closing.wait()
                return web.Response()
            case "cut":
                return await self._streamed(request, {}, is_cut=True)
            case "no_json":
                return web.Response(body=b"<html>", content_type="application/json")
            case "no_answer":
                return web.json_response({"jsonrpc": "2.0", "id": 999_999, "result": {}})
            case "error":
                error: JsonObject = {"code": -32000, "message": "out of order"}
                return web.json_response({"jsonrpc": "2.0", "id": message["id"], "error": error})
            case "refuse":
                return web.Response(status=403)
            case _:
                return web.Response(status=503)


def by_stdio() -> None:
    """Answers line by line until its input ends; a call with the text `die` ends it, `noise` is no message."""
    stub = McpStub()
    for line in sys.stdin:
        message: JsonObject = json.loads(line)
        if "method" not in message or "id" not in message:
            continue
        answer = stub.result(message)
        if stub.calls and stub.calls[-1][1].get("text") == "die":
            sys.exit(1)
        sys.stdout.write(f"noise\n{json.dumps(answer)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    by_stdio()
