"""run_python: code that a language model has written, in the monty sandbox: no files, no network, no host functions.

Monty is an interpreter of its own in a process of its own, which ends after the call: whatever the code does, it does
to nothing. It is the extra `sandbox`; without it there is no such tool.
"""

import asyncio
from dataclasses import replace
from importlib.util import find_spec
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from folkmoot.kernel.errors import BadRequest
from folkmoot.kernel.json import Json, JsonObject, clean_text
from folkmoot.tools.registry import Tool, ToolContext, typed_tool

SECONDS = 5.0
"""Of running, all in all."""
MEMORY_BYTES = 100_000_000
DEPTH = 200
"""Calls within calls."""
STEPS = 100
"""What the code may ask of its surroundings, clock and sleep included; it gets nothing that matters from them."""

_CALL_SECONDS = 20.0
_OUTPUT_BYTES = 10_000
_RESULT_CHARACTERS = 5_000
_MODULE = "pydantic_monty"


class CodeFailed(BadRequest):
    """The code failed"""


class RunPython(BaseModel):
    """Run Python code and see what it prints and the value of its last expression. State is not kept between calls.

    It is a sandbox with the core of the language and a few modules (math, re, json, datetime, random): no files, no
    network, no packages. Answers {"output", "value"}, both as text.
    """

    model_config = ConfigDict(extra="ignore")

    code: Annotated[str, Field(min_length=1, max_length=50_000)]


def sandbox_tools() -> tuple[Tool, ...]:
    """None where the extra is not installed. Off in every workspace until its owner allows it."""
    if find_spec(_MODULE) is None:
        return ()
    tool = typed_tool("run_python", RunPython, run_python, effect="none", risk="write")
    return (replace(tool, is_on=False, limit_seconds=_CALL_SECONDS),)


async def run_python(context: ToolContext, arguments: RunPython) -> Json:
    """Raises CodeFailed."""
    return await asyncio.to_thread(_run, arguments.code)


def _run(code: str) -> JsonObject:
    """Blocks as long as the code runs, and a second more at most. Raises CodeFailed."""
    import pydantic_monty as monty  # an extra, loaded at its first use

    output = monty.CollectString(max_bytes=_OUTPUT_BYTES)
    limits: monty.ResourceLimits = {
        "max_feed_duration_secs": SECONDS,
        "max_memory": MEMORY_BYTES,
        "max_recursion_depth": DEPTH,
        "max_suspensions": STEPS,
    }
    try:
        with (
            monty.Monty(max_processes=1) as pool,
            pool.checkout(limits=limits, os_policy={"sleep": "zero"}) as session,
        ):
            value = session.feed_run(code, print_callback=output)
    except monty.MontyError as error:
        printed = f"\nIt had printed:\n{output.output}" if output.output else ""
        raise CodeFailed(clean_text(f"{str(error)[:_RESULT_CHARACTERS]}{printed}")) from None
    return {"output": output.output, "value": None if value is None else repr(value)[:_RESULT_CHARACTERS]}
