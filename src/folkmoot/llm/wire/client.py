"""One model behind a wire: aiohttp and orjson at a quarter of an SDK's cost."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from typing import Generic, TypeVar

import orjson

from folkmoot.kernel.json import JsonObject
from folkmoot.llm.choice import Place
from folkmoot.llm.faults import AnswerTooLarge
from folkmoot.llm.gateway import Deltas, Request
from folkmoot.llm.speech import Speech
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


class WireModel(ABC, Generic[D]):
    """One model at one place. Raises ModelFault for whatever goes wrong; a single call, no second try.

    The dialect, immutable, is what its server is taken to understand: assumed, then unlearnt from its refusals.
    """

    def __init__(self, place: Place, name: str, link: Link, dialect: D) -> None:
        self.place = place
        self.name = name
        self.link = link
        self._dialect = dialect

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

    async def ask(self, request: Request, deltas: Deltas | None) -> Speech:
        """The answer to a request; it is sent again at once where the server only minds what it can do without."""
        question = Question(self.name, self.place.provider, request, is_streamed=deltas is not None)
        path = self.path(is_streamed=question.is_streamed)
        while True:
            spoken = self._dialect
            sent = self.fields(question, spoken)
            async with self.link.post(self.place, path, orjson.dumps(sent), is_streamed=question.is_streamed) as reply:
                if reply.status == 200:
                    return await self._heard(reply, deltas)
                said = await reply.read_some(MAX_ERROR_BYTES)
                fault = fault_of(reply.status, said, self.place, reply.header("Retry-After"))
            refusal = Refusal(reply.status, said.decode(errors="replace"), sent.keys())
            if (lesser := await self.lesser(question, spoken, refusal)) is None:
                raise fault
            if self._dialect == spoken:  # else a call beside this one has met the same
                self._dialect = lesser

    async def _heard(self, reply: Reply, deltas: Deltas | None) -> Speech:
        assembly = self.assembly()
        if deltas is None:
            assembly.whole(loaded(await reply.read(self.link.limits.output_characters * 4)))
        else:
            async for text in _Lines(reply, assembly).texts():
                deltas.text(text)
        return assembly.speech()


@dataclass(slots=True)
class _Lines:
    """A stream, read line by line; all text of one network read becomes one delta."""

    _reply: Reply
    _assembly: Assembly

    async def texts(self) -> AsyncIterator[str]:
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
