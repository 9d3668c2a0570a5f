"""The answer on a wire, put together from a body or from the lines of a stream, nothing in it trusted."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from folkmoot.kernel.json import Json, JsonObject, clean_text, dumps, loads
from folkmoot.llm.choice import Place
from folkmoot.llm.faults import AnswerMalformed, AnswerTooLarge
from folkmoot.llm.messages import ToolCall
from folkmoot.llm.reading import lenient_loads
from folkmoot.llm.speech import Counts, FinishReason, Speech, arguments_in, usable
from folkmoot.llm.wire.veil import Veil

_MAX_CALLS = 128
_MAX_TOKENS = 1_000_000_000


@dataclass(slots=True)
class CallParts:
    """A tool call as far as it has come; `details` is what the provider wants back with it."""

    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)
    details: JsonObject = field(default_factory=dict)


@dataclass(slots=True)
class Assembly(ABC):
    """Feed it a body with `whole` or a stream with `line`; `speech` is what came so far, the place's key hidden."""

    finishes: ClassVar[Mapping[str, FinishReason]]

    place: Place
    max_characters: int
    finish: str | None = None
    is_refused: bool = False
    _counts: Counts = field(default_factory=Counts)
    _text: list[str] = field(default_factory=list)
    _calls: list[CallParts] = field(default_factory=list)
    _size: int = 0
    _veil: Veil = field(init=False)

    def __post_init__(self) -> None:
        self._veil = Veil(self.place.key)

    @property
    def held(self) -> str:
        """The end of the text, where no line has shown it yet: it may be the beginning of the key."""
        return self._veil.held

    @abstractmethod
    def whole(self, body: Json) -> None:
        """Raises ModelFault where it is none."""

    @abstractmethod
    def line(self, line: bytes) -> tuple[str, bool]:
        """The text that this line of a stream lets be shown, and whether it says that the stream ends."""

    def speech(self) -> Speech:
        finish = self._veil.over(self.finish).lower() if self.finish else None
        return Speech(
            text="".join(self._text) + self.held,
            calls=usable(map(self._call, self._calls)),
            finish="content_filter" if self.is_refused else self.finishes.get(finish or ""),
            told=finish,
            counts=self._counts,
        )

    def _call(self, call: CallParts) -> ToolCall:
        if not call.name:
            raise AnswerMalformed("The language model calls a tool without naming it")
        over = self._veil.over
        extra: JsonObject | None = None
        if call.details:
            extra = {"provider": self.place.provider, "details": loads(over(dumps(call.details)))}
        return ToolCall(over(call.id), over(call.name), arguments_in(over("".join(call.arguments))), extra)

    def _say(self, text: str) -> str:
        """Take a piece of the answer's text; what of it can be shown by now."""
        self._grow(len(text))
        text = self._veil.passing(clean_text(text))
        self._text.append(text)
        return text

    def _begin_call(self) -> CallParts:
        if len(self._calls) >= _MAX_CALLS:
            raise AnswerTooLarge(f"The language model makes more than {_MAX_CALLS} tool calls at once")
        call = CallParts()
        self._calls.append(call)
        return call

    def _argue(self, call: CallParts, arguments: Json) -> None:
        """Take a piece of a call's arguments: JSON text, or the object at once."""
        if isinstance(arguments, dict):
            arguments = dumps(arguments)
        if isinstance(arguments, str):
            self._grow(len(arguments))
            call.arguments.append(arguments)
        elif arguments is not None:
            raise AnswerMalformed

    def _detail(self, call: CallParts, name: str, value: Json) -> None:
        """Keep what the provider wants back with the call."""
        self._grow(len(dumps(value)))
        call.details[name] = value

    def _grow(self, characters: int) -> None:
        self._size += characters
        if self._size > self.max_characters:
            raise AnswerTooLarge(f"The language model's answer is longer than {self.max_characters} characters")

    def _count(self, read: int | None, written: int | None, cached: int | None = None) -> None:
        if read is not None and written is not None:
            self._counts = Counts(read, min(cached or 0, read), written)


def tokens(count: Json) -> int | None:
    """A provider's count, None where it cannot be one."""
    return count if type(count) is int and 0 <= count <= _MAX_TOKENS else None


def word(value: Json) -> str:
    """A name or id of a provider's, empty where it is no text."""
    return clean_text(value) if isinstance(value, str) else ""


def loaded(body: bytes) -> Json:
    """Raises AnswerMalformed."""
    try:
        return lenient_loads(body)
    except ValueError as error:
        raise AnswerMalformed("The language model's answer is not JSON") from error
