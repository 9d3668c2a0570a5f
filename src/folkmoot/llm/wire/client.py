"""A wire as a pydantic-ai model: aiohttp and orjson at a quarter of an SDK's cost."""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

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

from folkmoot.kernel.json import JsonObject
from folkmoot.llm.choice import Place
from folkmoot.llm.faults import AnswerTooLarge
from folkmoot.llm.stream import LeanStream, text_event
from folkmoot.llm.wire.assembly import Assembly, loaded
from folkmoot.llm.wire.errors import MAX_ERROR_BYTES, fault_of
from folkmoot.llm.wire.link import Link, Reply
from folkmoot.llm.wire.question import Question

D = TypeVar("D")

_GRACE = 2.0  # seconds for the usage after the finish reason
_CLOSING = 0.05  # seconds for the end of the body after its last line, so that the connection can serve again
_OVERHEAD = 200  # bytes of frame around a token on the wire, generously


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a server says against a body."""

    status: int
    complaint: str
    sent: Collection[str]


class WireModel(Model, Generic[D]):
    """One model at one place. Raises ModelFault for whatever goes wrong; a single call, no second try.

    The dialect, immutable, is what its server is taken to understand: assumed, then unlearnt from its refusals.
    """

    def __init__(self, place: Place, name: str, link: Link, dialect: D) -> None:
        super().__init__()
        self.place = place
        self.name = name
        self.link = link
        self._dialect = dialect

    @property
    def model_name(self) -> str:
        return self.name

    @property
    def system(self) -> str:
        return self.place.provider

    @property
    def base_url(self) -> str:
        return self.place.shown

    @abstractmethod
    def path(self, *, is_streamed: bool) -> str:
        """Where the question goes, after the place's address."""

    @abstractmethod
    def fields(self, question: Question, dialect: D) -> JsonObject:
        """The question's body."""

    @abstractmethod
    def assembly(self) -> Assembly: ...

    @abstractmethod
    async def lesser(self, question: Question, dialect: D, refusal: Refusal) -> D | None:
        """The dialect that does without what the server minds; None where it is nothing that can be done without."""

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        question = self._question(messages, model_settings, model_request_parameters, is_streamed=False)
        assembly = self.assembly()
        async with self._sent(question) as reply:
            assembly.whole(loaded(await reply.read(self.link.limits.output_characters * 4)))
        return assembly.response()

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[object] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        question = self._question(messages, model_settings, model_request_parameters, is_streamed=True)
        async with self._sent(question) as reply:
            yield _WireStream(
                model_request_parameters=model_request_parameters,
                _model_name=self.name,
                _provider_name=self.place.provider,
                _provider_url=self.place.shown,
                _reply=reply,
                _assembly=self.assembly(),
            )

    def _question(
        self,
        messages: list[ModelMessage],
        settings: ModelSettings | None,
        parameters: ModelRequestParameters,
        *,
        is_streamed: bool,
    ) -> Question:
        return Question(self.name, self.place.provider, messages, settings or ModelSettings(), parameters, is_streamed)

    @asynccontextmanager
    async def _sent(self, question: Question) -> AsyncGenerator[Reply]:
        """The reply to the question; sent again at once where the server only minds what it can do without."""
        path = self.path(is_streamed=question.is_streamed)
        while True:
            spoken = self._dialect
            sent = self.fields(question, spoken)
            async with self.link.post(self.place, path, orjson.dumps(sent), is_streamed=question.is_streamed) as reply:
                if reply.status == 200:
                    yield reply
                    return
                said = await reply.read_some(MAX_ERROR_BYTES)
                fault = fault_of(reply.status, said, self.place, reply.header("Retry-After"))
            refusal = Refusal(reply.status, said.decode(errors="replace"), sent.keys())
            if (lesser := await self.lesser(question, spoken, refusal)) is None:
                raise fault
            if self._dialect == spoken:  # else a call beside this one has met the same
                self._dialect = lesser


@dataclass
class _WireStream(LeanStream):
    """Reads a stream line by line; all text of one network read becomes one delta."""

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
        """The text of each network read that has some, until the end that the wire's lines tell."""
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
        """The text of these lines, and whether the last line was among them."""
        texts: list[str] = []
        for line in lines:
            text, is_last = self._assembly.line(line)
            texts.append(text)
            if is_last:
                return "".join(texts), True
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
