"""Asking one model again where that helps, in place: how often, after which pause, and what it has used."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from folkmoot.llm.faults import (
    AnswerCut,
    CredentialsRefused,
    ModelConnectionLost,
    ModelFault,
    ModelNotFound,
    RateLimited,
)
from folkmoot.llm.figures import ModelFigures
from folkmoot.llm.messages import Usage
from folkmoot.llm.settings import LlmLimits

_MAX_BACKOFF = 8.0


class Counted(Protocol):
    """What a call answers."""

    @property
    def usage(self) -> Usage: ...


T = TypeVar("T", bound=Counted)


class Tries:
    """The calls made for one question, of as many models as it takes; `spent` is what those that failed have used."""

    def __init__(
        self,
        limits: LlmLimits,
        figures: ModelFigures,
        took: Callable[[Usage | None], None] | None = None,
        *,
        is_single: bool = False,
    ) -> None:
        """`took` is told what each call has used, None where nobody counted."""
        self._limits = limits
        self._figures = figures
        self._took = took or _nothing
        self._is_single = is_single
        self.spent: Usage | None = None

    async def of(self, name: str, call: Callable[[bool], Awaitable[T]]) -> T:
        """The first answer of the model `name`, whose calls are told whether those before were cut off.

        Raises the ModelFault of the last. A provider that asks for a longer pause than may be slept in place is
        not asked again.
        """
        provider = name.partition(":")[0]
        calls, is_cut = 0, False
        while True:
            calls += 1
            try:
                answer = await call(is_cut)
            except ModelFault as fault:
                self._figures.failed(provider, fault)
                self._took(fault.usage)
                fault.facts.setdefault("model", name)
                self._add(fault)
                seconds = None if self._is_single else pause(fault, calls, self._limits)
                if seconds is None:
                    raise
                is_cut = calls + 1 == fault.tries and isinstance(fault, AnswerCut | ModelConnectionLost)
                await asyncio.sleep(seconds)
            else:
                self._figures.answered(provider, answer.usage)
                self._took(answer.usage)
                return answer

    def total(self, usage: Usage) -> Usage:
        """With what the failed calls have used."""
        return usage if self.spent is None else self.spent + usage

    def _add(self, fault: ModelFault) -> None:
        if fault.usage is not None:
            self.spent = self.total(fault.usage)
            fault.usage = None


def _nothing(_: Usage | None) -> None:
    return


def pause(fault: ModelFault, calls: int, limits: LlmLimits) -> float | None:
    """Seconds to wait after so many calls before the next one, None if there is to be none."""
    if calls >= fault.tries or isinstance(fault, CredentialsRefused | ModelNotFound):
        return None
    backoff = min(limits.backoff * 2.0 ** (calls - 1), _MAX_BACKOFF)
    backoff *= 1 + random.random() / 4  # noqa: S311 spreads callers, keeps no secret
    if not isinstance(fault, RateLimited):
        return backoff
    asked = fault.retry_after
    return max(asked, backoff) if asked <= limits.sleep_in_place else None
