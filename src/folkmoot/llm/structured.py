"""Structured answers: JSON out of whatever a model wrapped around it, validated, with one repair."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from folkmoot.kernel.json import Json
from folkmoot.kernel.validation import sentences
from folkmoot.llm.faults import AnswerMalformed, InvalidOutput, ModelFault
from folkmoot.llm.gateway import Answer, Deltas, Gateway, Request
from folkmoot.llm.messages import OutputSchema, User
from folkmoot.llm.reading import cleaned, lenient_loads, refuse_constant

T = TypeVar("T", bound=BaseModel)

_FENCE = re.compile(r"```[a-zA-Z]*\s*\n(.*?)```", re.DOTALL)
_THOUGHT = re.compile(r"<think>.*?</think>", re.DOTALL)
_MAX_STARTS = 40  # places where an object may begin before a text counts as prose
_MAX_ERRORS = 20
_MAX_SHOWN = 20_000  # characters of a failed answer shown to the model again


def parse_json(text: str) -> Json:
    """The JSON value in a model's text, without code fences and prose around it; raises AnswerMalformed."""
    text = _THOUGHT.sub("", text)
    for candidate in (text, *(found.group(1) for found in _FENCE.finditer(text))):
        try:
            return cleaned(lenient_loads(candidate.strip()))
        except ValueError:
            continue
    for value in _embedded(text):
        return value
    raise AnswerMalformed("The language model's answer holds no readable JSON")


async def ask_structured(
    gateway: Gateway,
    request: Request,
    type_: type[T],
    *,
    check: Callable[[T], object] | None = None,
    deltas: Deltas | None = None,
) -> tuple[T, Answer]:
    """The answer as `type_`, asked for once more with the errors where it does not fit.

    `check` may say what the type cannot (roles exist, a graph has no cycle) by raising ValueError. The schema
    is the request's `output`, else the type's own; tools are not offered. Raises InvalidOutput after the
    repair, its fact `errors` saying why; usage, in the answer as in the fault, is that of both calls.
    """
    output = request.output or OutputSchema(type_.__name__, type_.model_json_schema())
    asked = replace(request, output=output, tools=())
    first = await gateway.ask(asked, deltas)
    return await fitted(gateway, asked, first, type_, check=check, deltas=deltas)


async def fitted(
    gateway: Gateway,
    asked: Request,
    first: Answer,
    type_: type[T],
    *,
    check: Callable[[T], object] | None = None,
    deltas: Deltas | None = None,
) -> tuple[T, Answer]:
    """As `ask_structured`, for a first answer that is there already; its request may have offered tools."""
    output = asked.output or OutputSchema(type_.__name__, type_.model_json_schema())
    asked = replace(asked, output=output, tools=())
    value, errors = _validated(first.text, type_, check)
    if value is not None:
        return value, first
    if deltas is not None:
        deltas.reset()
    try:
        second = await gateway.ask(_repair(asked, first, errors), deltas)
    except ModelFault as failed:
        failed.usage = first.usage if failed.usage is None else first.usage + failed.usage
        raise
    answer = replace(
        second,
        usage=first.usage + second.usage,
        models=tuple(dict.fromkeys(first.models + second.models)),
        failed=first.failed + second.failed,
    )
    value, errors = _validated(second.text, type_, check)
    if value is not None:
        return value, answer
    fault = InvalidOutput(
        f"The language model's answer does not fit {output.name}, also after a repair: {errors[0]}",
        errors=[*errors],
        model=answer.models[-1],
    )
    fault.usage = answer.usage
    raise fault


def _validated(text: str, type_: type[T], check: Callable[[T], object] | None) -> tuple[T | None, list[str]]:
    try:
        value = type_.model_validate(parse_json(text))
        if check is not None:
            check(value)
    except AnswerMalformed as error:
        return None, [error.detail]
    except ValidationError as error:
        return None, [line[:300] for line in sentences(error)[:_MAX_ERRORS]]
    except ValueError as error:
        return None, [str(error)[:500] or "not valid"]
    return value, []


def _repair(request: Request, answer: Answer, errors: list[str]) -> Request:
    listed = "\n".join(f"- {error}" for error in errors)
    again = f"## Errors\n{listed}\n\nThat does not fit. Answer again: the whole corrected JSON, nothing else."
    shown = replace(answer.message, text=answer.text[:_MAX_SHOWN], calls=())
    return replace(request, messages=(*request.messages, shown, User(again)))


def _embedded(text: str) -> Iterator[Json]:
    """Objects, then arrays, that stand in prose: `[1]` in a sentence is rarely meant as the answer."""
    decoder = json.JSONDecoder(strict=False, parse_constant=refuse_constant)
    for opening in "{[":
        starts = [found.start() for found in re.finditer(re.escape(opening), text)]
        for start in starts[:_MAX_STARTS]:
            try:
                yield cleaned(decoder.raw_decode(text, start)[0])
            except (ValueError, RecursionError):
                continue
