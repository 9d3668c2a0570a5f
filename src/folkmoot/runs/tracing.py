"""Runs as spans, in the words of OpenTelemetry's conventions for generative AI; called only where there is a tracer."""

from collections.abc import Coroutine
from typing import Protocol

from folkmoot.kernel.json import dumps
from folkmoot.kernel.tracing import Attribute, Tracer
from folkmoot.runs.folded import Folded
from folkmoot.runs.journal import Call, Outcome, Use
from folkmoot.runs.rules import RunStatus
from folkmoot.runs.tables import Run

_FAILED = (RunStatus.FAILED, RunStatus.TIMEOUT)


class Drives(Protocol):
    """A driver: what it knows of its run, and its work."""

    known: Folded

    async def drive(self) -> None: ...


async def drive(tracer: Tracer, driver: Drives) -> None:
    """One claim of the run, from where it is taken up to where it rests, as a part of what started the run.

    A run of one agent is that agent's, of any other kind a workflow.
    """
    run = driver.known.run
    agent_id = _agent_of(run)
    attributes: dict[str, Attribute] = {
        "gen_ai.operation.name": "invoke_workflow" if agent_id is None else "invoke_agent",
        "folkmoot.run.kind": run.kind,
        "folkmoot.workspace.id": run.workspace_id,
    }
    name = f"invoke_workflow {run.kind}" if agent_id is None else "invoke_agent"
    attributes |= {"gen_ai.workflow.name": run.kind} if agent_id is None else {"gen_ai.agent.id": agent_id}
    if run.conversation_id is not None:
        attributes["gen_ai.conversation.id"] = run.conversation_id
    with tracer.span(name, attributes) as span:
        await driver.drive()
        rests = driver.known.run
        span.set({"folkmoot.run.status": rests.status})
        if rests.status in _FAILED:
            span.fail(rests.error_code or rests.status)


async def perform(tracer: Tracer, run: Run, action: Call | Use, work: Coroutine[object, object, Outcome]) -> Outcome:
    """A use of a tool, or what one of several agents asks; what a run's only agent asks is the run itself."""
    if isinstance(action, Use):
        return await _use(tracer, action, work)
    if _agent_of(run) is not None:
        return await work
    attributes: dict[str, Attribute] = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": action.role}
    if action.agent_id is not None:
        attributes["gen_ai.agent.id"] = action.agent_id
    with tracer.span(f"invoke_agent {action.role}", attributes) as span:
        outcome = await work
        if outcome.fault is not None:
            span.fail(outcome.fault.code)
        return outcome


async def _use(tracer: Tracer, use: Use, work: Coroutine[object, object, Outcome]) -> Outcome:
    attributes: dict[str, Attribute] = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": use.tool,
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.id": use.call_id,
    }
    if tracer.with_content:
        attributes["gen_ai.tool.call.arguments"] = dumps(use.arguments)
    with tracer.span(f"execute_tool {use.tool}", attributes) as span:
        outcome = await work
        value = outcome.value or {}
        if tracer.with_content:
            span.set({"gen_ai.tool.call.result": dumps(value.get("text"))})
        if outcome.fault is not None:
            span.fail(outcome.fault.code)
        elif value.get("is_error") is True:
            span.fail("tool_error")
        return outcome


def _agent_of(run: Run) -> str | None:
    """The agent whose run it is, where it is one's."""
    agent_id = run.input.get("agent_id")
    return agent_id if isinstance(agent_id, str) else None
