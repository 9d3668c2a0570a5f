"""What every stream of ours has in common: few events, and the whole answer put together by its maker."""

from abc import abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime

from pydantic_ai.messages import (
    ModelResponse,
    ModelResponseStreamEvent,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
)
from pydantic_ai.models import StreamedResponse

from folkmoot.kernel.clock import now


@dataclass
class LeanStream(StreamedResponse):
    """A stream without pydantic-ai's parts manager, which copies the text so far for every delta of it.

    It gives starts and deltas only: no end of part, no final result event. The gateway needs neither.
    """

    _model_name: str
    _provider_name: str
    _provider_url: str | None
    _at: datetime = field(default_factory=now, init=False)

    @abstractmethod
    def get(self) -> ModelResponse: ...

    def __aiter__(self) -> AsyncIterator[ModelResponseStreamEvent]:
        if self._event_iterator is None:
            self._event_iterator = self._get_event_iterator()
        return self._event_iterator

    @property
    def model_name(self) -> str:
        return self._model_name

    @property
    def provider_name(self) -> str:
        return self._provider_name

    @property
    def provider_url(self) -> str | None:
        return self._provider_url

    @property
    def timestamp(self) -> datetime:
        return self._at


def text_event(text: str, *, is_first: bool) -> ModelResponseStreamEvent:
    if is_first:
        return PartStartEvent(index=0, part=TextPart(text))
    return PartDeltaEvent(index=0, delta=TextPartDelta(text))
