"""The OpenAI-compatible wire as a pydantic-ai model: aiohttp and orjson at a quarter of an SDK's cost."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import orjson
from pydantic_ai.messages import (
    ModelMessage,
    ModelResponse,
    ModelResponseStreamEvent,
    PartStartEvent,
    ToolCallPart,
)
from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import RunContext

from folkmoot.kernel.json import Json
from folkmoot.llm.choice import Place
from folkmoot.llm.faults import AnswerMalformed, AnswerTooLarge, ModelNotFound
from folkmoot.llm.reading import lenient_loads
from folkmoot.llm.stream import LeanStream, text_event
from folkmoot.llm.wire.answer import Assembly
from folkmoot.llm.wire.body import NEW_TOKEN_FIELD, OLD_TOKEN_FIELD, Body, Dialect
from folkmoot.llm.wire.errors import MAX_ERROR_BYTES, fault_of
from folkmoot.llm.wire.link import Link, Reply
from folkmoot.llm.wire.veil import Veil

_GRACE = 2.0  # seconds for the usage after the finish reason
_CLOSING = 0.05  # seconds for the end of the body after [DONE], so that the connection can serve again
_OVERHEAD = 200  # bytes of frame around a token on the wire, generously


class WireModel(Model):
    """One model at one place. Raises ModelFault for whatever goes wrong; a single call, no second try."""

    def __init__(self, place: Place, name: str, link: Link) -> None:
        super().__init__()
        self._place = place
        self._name = name
        self._link = link
        is_openai = "api.openai.com" in place.url
        self._dialect = Dialect(token_field=NEW_TOKEN_FIELD if is_openai else OLD_TOKEN_FIELD)

    @property
    def model_name(self) -> str:
        return self._name

    @property
    def system(self) -> str:
        return self._place.provider

    @property
    def base_url(self) -> str:
        return self._place.shown

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        body = self._body(messages, model_settings, model_request_parameters, is_streamed=False)
        assembly = self._assembly()
        async with self._sent(body) as reply:
            assembly.whole(_loaded(await reply.read(self._link.limits.output_characters * 4)))
        return assembly.response()

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[object] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        body = self._body(messages, model_settings, model_request_parameters, is_streamed=True)
        async with self._sent(body) as reply:
            yield _WireStream(
                model_request_parameters=model_request_parameters,
                _model_name=self._name,
                _provider_name=self._place.provider,
                _provider_url=self._place.shown,
                _reply=reply,
                _assembly=self._assembly(),
            )

    def _body(
        self,
        messages: list[ModelMessage],
        settings: ModelSettings | None,
        parameters: ModelRequestParameters,
        *,
        is_streamed: bool,
    ) -> Body:
        return Body(self._name, self._place.provider, messages, settings, parameters, is_streamed)

    def _assembly(self) -> Assembly:
        return Assembly(self._name, self._place, self._link.limits.output_characters)

    @asynccontextmanager
    async def _sent(self, body: Body) -> AsyncGenerator[Reply]:
        """The reply to the body; sent again at once where the server only minds a field it can do without."""
        while True:
            spoken = self._dialect
            sent = body.fields(spoken)
            async with self._link.post(
                self._place, "/chat/completions", orjson.dumps(sent), is_streamed=body.is_streamed
            ) as reply:
                if reply.status == 200:
                    yield reply
                    return
                said = await reply.read_some(MAX_ERROR_BYTES)
                fault = fault_of(reply.status, said, self._place, reply.header("Retry-After"))
            complaint = said.decode(errors="replace")
            if reply.status not in (400, 422, 501) and not (reply.status == 500 and "validation error" in complaint):
                raise fault  # llama-cpp-python answers 500 to a body it cannot read
            if (lesser := spoken.without(complaint, sent.keys())) is None:
                raise fault
            if self._dialect == spoken:  # else a call beside this one has met the same
                self._dialect = lesser


@dataclass
class _WireStream(LeanStream):
    """Reads server-sent events; all text of one network read becomes one delta."""

    _reply: Reply
    _assembly: Assembly

    def get(self) -> ModelResponse:
        return self._assembly.response()

    async def close_stream(self) -> None:
        self._reply.close()

    async def _get_event_iterator(self) -> AsyncIterator[ModelResponseStreamEvent]:
        is_first = True
        async for text in self._texts():
            yield text_event(text, is_first=is_first)
            is_first = False
        for index, part in enumerate(self.get().parts):
            if isinstance(part, ToolCallPart):
                yield PartStartEvent(index=index, part=part)

    async def _texts(self) -> AsyncIterator[str]:
        """The text of each network read that has some, until the end that the wire's events tell."""
        rest, received, is_done = b"", 0, False
        limit = self._assembly.max_characters
        while data := await self._read(is_done=is_done):
            received += len(data)
            *lines, rest = (rest + data).split(b"\n")
            if len(rest) > limit * 4 or received > limit * _OVERHEAD:
                raise AnswerTooLarge
            text, ended = self._take(lines)
            is_done = is_done or ended
            if text:
                yield text
        if rest:  # a server that forgets the last line's end
            text, _ = self._take([rest])
            if text:
                yield text
        if self._assembly.held:
            yield self._assembly.held

    def _take(self, lines: list[bytes]) -> tuple[str, bool]:
        """The text of the events in these lines, and whether the last event was among them."""
        texts: list[str] = []
        for line in lines:
            if not line.startswith(b"data:"):
                continue  # comments, event names, blank lines between events
            event = line[5:].strip()
            if event == b"[DONE]":
                return "".join(texts), True
            texts.append(self._assembly.chunk(_loaded(event)))
        return "".join(texts), False

    async def _read(self, *, is_done: bool) -> bytes:
        """The next bytes, b"" at the end. Once the answer is whole, a slow or lost end costs little."""
        if self._assembly.finish is None:
            return await self._reply.next()
        try:
            async with asyncio.timeout(_CLOSING if is_done else _GRACE):
                return await self._reply.next()
        except TimeoutError:
            self._reply.close()
            return b""


async def first_model(place: Place, link: Link) -> str:
    """The name of the first model a server lists that is not for embeddings; raises ModelFault."""
    async with link.get(place, "/models") as reply:
        said = await reply.read_some(MAX_ERROR_BYTES * 16)
        if reply.status != 200:
            raise fault_of(reply.status, said, place, reply.header("Retry-After"))
    match _loaded(said):
        case {"data": list(listed)}:
            names = [entry.get("id") for entry in listed if isinstance(entry, dict)]
        case _:
            names = []
    for name in names:
        if isinstance(name, str) and name and "embed" not in name.lower():
            return Veil(place.key).over(name)
    raise ModelNotFound(f"{place.provider} lists no model. Set DEFAULT_MODEL={place.provider}:NAME")


def _loaded(body: bytes) -> Json:
    try:
        return lenient_loads(body)
    except ValueError as error:
        raise AnswerMalformed("The language model's answer is not JSON") from error
