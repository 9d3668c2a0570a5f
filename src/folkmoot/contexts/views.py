"""Contexts as they are shown: rows in, wire shapes out."""

from dataclasses import dataclass

from folkmoot.contexts.queries import Reader
from folkmoot.contexts.rules import ContextRollbackState
from folkmoot.contexts.schemas import ContextSummary, ContextView, ReaderView, RollbackView
from folkmoot.contexts.tables import AgentContext, AgentContextVersion
from folkmoot.kernel.json import JsonObject


@dataclass(frozen=True, slots=True)
class Reading:
    """A context as it reads at one version; None where that is version 0."""

    context: AgentContext
    version: AgentContextVersion | None

    @property
    def data(self) -> JsonObject:
        return {} if self.version is None else self.version.data


def context_view(reading: Reading) -> ContextView:
    context, version = reading.context, reading.version
    return ContextView(
        context_id=context.id,
        context_name=context.name,
        current_version=context.current_version,
        version=0 if version is None else version.version,
        data=reading.data,
        change_description=None if version is None else version.change_description,
        created_by=None if version is None else version.created_by,
        created_at=context.created_at if version is None else version.created_at,
    )


def rollback_view(reading: Reading) -> RollbackView:
    pointer, state = reading.context.rollback_pointer, reading.context.rollback_state
    assert pointer is not None
    return RollbackView(
        **dict(context_view(reading)), rollback_pointer=pointer, rollback_state=ContextRollbackState(state or "")
    )


def summary_of(context: AgentContext) -> ContextSummary:
    state = context.rollback_state
    return ContextSummary(
        context_id=context.id,
        context_name=context.name,
        agent_id=context.instance_id,
        project_id=context.project_id,
        current_version=context.current_version,
        rollback_pointer=context.rollback_pointer,
        rollback_state=None if state is None else ContextRollbackState(state),
        created_at=context.created_at,
        updated_at=context.updated_at,
    )


def reader_view(reader: Reader) -> ReaderView:
    return ReaderView(
        run_id=reader.run_id,
        kind=reader.kind,
        title=reader.title,
        status=reader.status,
        read_at=reader.created_at,
    )
