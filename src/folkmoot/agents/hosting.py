"""The units of a process that agents live in: its heartbeat, its end, and what it takes up of a process that died."""

from collections.abc import Collection

import sqlalchemy as sa

from folkmoot.agents.queries import INSTANCE_COLUMNS, definition_of, living_on
from folkmoot.agents.rules import AgentStatus, shown_status
from folkmoot.agents.service import Done
from folkmoot.agents.tables import Agent, AgentInstance
from folkmoot.agents.transitions import Move, Process, hooks_for, lock_agent, say_status, set_status
from folkmoot.db.tx import Tx
from folkmoot.engine.hosts import HostInfo, alive_since, beat, end_host
from folkmoot.kernel.scope import SYSTEM, Scope

_KEEP_LAST_SIGN = (
    sa.update(AgentInstance)
    .where(AgentInstance.host_id == sa.bindparam("host"))
    .values(last_heartbeat=sa.bindparam("at", type_=INSTANCE_COLUMNS.last_heartbeat.type))
)

INTERRUPTED = "the process ended while the agent was initializing"


def say_alive(tx: Tx, host: HostInfo) -> None:
    """The process lives, and with it the agents in it; also one that was given up and has come back."""
    if beat(tx, host):
        for agent in living_on(tx, host.id):
            _say(tx, agent, was_gone=True)


def give_up(tx: Tx, host_id: str, *, is_silent: bool) -> bool:
    """The process has ended, or was silent for too long: what lives in it shows offline from now on."""
    host = end_host(tx, host_id, alive_since() if is_silent else None)
    if host is None:
        return False
    agents = living_on(tx, host_id)
    tx.write(_KEEP_LAST_SIGN, {"host": host.id, "at": host.seen_at})
    for agent in agents:
        _say(tx, agent, was_gone=False)
    return True


def _say(tx: Tx, agent: AgentInstance, *, was_gone: bool) -> None:
    shown = [shown_status(agent.status, agent.running_runs, is_gone=gone) for gone in (was_gone, not was_gone)]
    say_status(tx, agent, shown[0], shown[1])


def recover(tx: Tx, seen: Agent, gone: Collection[str], process: Process) -> Done | None:
    """Make the status of an agent true whose process died; answers what is to be called to have it work again.

    One that was being initialized is not tried again: that may be what ended the process.
    """
    agent = lock_agent(tx, Scope(seen.workspace_id, seen.project_id, SYSTEM), seen.id)
    if agent.host_id is not None and agent.host_id not in gone:
        return None
    match AgentStatus(agent.status):
        case AgentStatus.INITIALIZING if agent.host_id is not None:
            set_status(tx, agent, AgentStatus.ERROR, error=INTERRUPTED)
        case AgentStatus.IDLE if agent.host_id is not None:
            set_status(tx, agent, AgentStatus.IDLE)
        case AgentStatus.ACTIVE | AgentStatus.BUSY if agent.definition_slug in process.slugs:
            set_status(tx, agent, AgentStatus.INITIALIZING, host_id=process.host_id)
            hooks = hooks_for(AgentStatus.ACTIVE, is_live=False)
            return Done(agent, definition_of(tx, agent), Move(AgentStatus.ACTIVE, hooks))
        case _:
            pass
    return None
