"""The body guard: a body is bounded, and strict JSON, before anything else looks at it."""

import asyncio
import json
import math
import re
from collections.abc import Mapping
from tempfile import SpooledTemporaryFile
from typing import NoReturn

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from folkmoot.http.render import answer
from folkmoot.kernel.errors import BadRequest, Invalid, Problem, TooLarge
from folkmoot.kernel.json import Json, loads

BODY_BYTES = 2_000_000
BODY_SECONDS = 120.0
UPLOAD_SECONDS = 600.0
FORM = b"multipart/form-data"
JSON_DEPTH = 100

_PART = re.compile(r"{\w+}")
_PIECE = 65_536
_INTEGERS = range(-(2**63), 2**63)
_SUSPICIOUS = re.compile(rb"\d{19}|\\u0000")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')


class BodyTooLarge(TooLarge):
    """The body is larger than 2,000,000 bytes"""


class BodyTooSlow(Problem):
    """The body did not arrive within 120 seconds"""

    status = 408


class NotJson(Invalid):
    """The body is not valid JSON"""

    hint = "Strict JSON in UTF-8: no NaN or Infinity, no lone surrogates, no NUL"


class JsonTooDeep(Invalid):
    """The JSON is nested more than 100 levels deep"""


class IntegerTooLarge(Invalid):
    """The JSON holds an integer that does not fit into 64 bits"""


class NulInRequest(Invalid):
    """The request holds a NUL character"""


class RequestCut(BadRequest):
    """The request ended before its body did"""


class BodyGuard:
    """Reads a body once, checks it, and hands it on whole.

    `uploads` says how many bytes a form may have that brings a file, by path, in which `{name}` stands for any one
    part; it waits on disk.
    """

    def __init__(self, app: ASGIApp, uploads: Mapping[str, int] | None = None) -> None:
        self.app = app
        self._uploads = [(re.compile(_PART.sub("[^/]+", path)), most) for path, most in (uploads or {}).items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        most = self._most(scope["path"]) if media_type(scope) == FORM else None
        if most is not None:
            await self._upload(scope, receive, send, most)
            return
        try:
            check_address(scope)
            body = await _read(scope, receive)
            if body and is_json(scope):
                check_json(body)
        except Problem as problem:
            closing = {"Connection": "close"} if isinstance(problem, BodyTooSlow) else None
            await answer(Request(scope), problem, closing)(scope, receive, send)
            return
        await self.app(scope, _replay(body, receive), send)

    def _most(self, path: str) -> int | None:
        return next((most for pattern, most in self._uploads if pattern.fullmatch(path)), None)

    async def _upload(self, scope: Scope, receive: Receive, send: Send, most: int) -> None:
        with SpooledTemporaryFile(BODY_BYTES) as file:
            try:
                check_address(scope)
                await _spool(scope, receive, file, most)
            except Problem as problem:
                await answer(Request(scope), problem, {"Connection": "close"})(scope, receive, send)
                return
            await self.app(scope, _replay_file(file, receive), send)


async def _spool(scope: Scope, receive: Receive, file: "SpooledTemporaryFile[bytes]", most: int) -> None:
    """Raises BodyTooLarge, BodyTooSlow, RequestCut."""
    length = dict(scope["headers"]).get(b"content-length", b"0")
    too_large = BodyTooLarge(f"The body is larger than {most:,} bytes")
    if length.isdigit() and int(length) > most:
        raise too_large
    try:
        async with asyncio.timeout(UPLOAD_SECONDS):
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise RequestCut
                file.write(message.get("body", b""))
                if file.tell() > most:
                    raise too_large
                more = message.get("more_body", False)
    except TimeoutError:
        raise BodyTooSlow(f"The body did not arrive within {UPLOAD_SECONDS:g} seconds") from None
    file.seek(0)


def _replay_file(file: "SpooledTemporaryFile[bytes]", receive: Receive) -> Receive:
    is_read = False

    async def replay() -> Message:
        nonlocal is_read
        if is_read:
            return await receive()
        body = file.read(_PIECE)
        is_read = len(body) < _PIECE
        return {"type": "http.request", "body": body, "more_body": not is_read}

    return replay


def _replay(body: bytes, receive: Receive) -> Receive:
    is_read = False

    async def replay() -> Message:
        nonlocal is_read
        if is_read:
            return await receive()
        is_read = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def check_address(scope: Scope) -> None:
    """Raises NulInRequest for a path or query no database could be asked for."""
    if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
        raise NulInRequest


async def _read(scope: Scope, receive: Receive) -> bytes:
    headers = dict(scope["headers"])
    length = headers.get(b"content-length", b"0")
    if b"transfer-encoding" not in headers and length == b"0":
        return b""
    if length.isdigit() and int(length) > BODY_BYTES:
        raise BodyTooLarge
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _collect(receive)
    except TimeoutError:
        raise BodyTooSlow from None


async def _collect(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RequestCut
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > BODY_BYTES:
            raise BodyTooLarge
        more = message.get("more_body", False)
    return b"".join(chunks)


def is_json(scope: Scope) -> bool:
    kind = media_type(scope)
    return kind == b"application/json" or kind.endswith(b"+json")


def media_type(scope: Scope) -> bytes:
    """Of the request's body, in lower case and without parameters; empty where nothing is said of it."""
    for name, value in scope["headers"]:
        if name == b"content-type":
            kind: bytes = value.partition(b";")[0].strip().lower()
            return kind
    return b""


def check_json(body: bytes) -> None:
    """Raises NotJson, JsonTooDeep, IntegerTooLarge, NulInRequest."""
    if body.count(b"[") + body.count(b"{") > JSON_DEPTH and _depth(body) > JSON_DEPTH:
        raise JsonTooDeep
    try:
        loads(body)
    except ValueError:
        raise NotJson from None
    if _SUSPICIOUS.search(body):
        _check_values(json.loads(body, parse_int=_integer, parse_constant=_constant))


def _depth(body: bytes) -> int:
    deepest = depth = 0
    for byte in _STRING.sub(b"", body):
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


def _integer(text: str) -> int:
    if len(text) > 20 or int(text) not in _INTEGERS:
        raise IntegerTooLarge
    return int(text)


def _constant(_: str) -> NoReturn:
    raise NotJson


def _check_values(value: Json) -> None:
    match value:
        case str() if "\x00" in value:
            raise NulInRequest
        case float() if not math.isfinite(value):
            raise NotJson
        case dict():
            for key, item in value.items():
                _check_values(key)
                _check_values(item)
        case list():
            for item in value:
                _check_values(item)
        case _:
            return
