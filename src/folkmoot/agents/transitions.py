"""The units that change an agent's status: asking for one, beginning and settling it around the hooks of a class."""

from dataclasses import dataclass

import sqlalchemy as sa

from folkmoot.agents.events import AgentActivity, AgentStatusChanged
from folkmoot.agents.queries import INSTANCE_COLUMNS, NoSuchAgent, count_online, find_agent, find_instance
from folkmoot.agents.rules import AgentStatus, is_change, lifecycle_status, shown_status
from folkmoot.agents.tables import Agent, AgentInstance
from folkmoot.db.tx import Tx
from folkmoot.engine.hosts import alive_since
from folkmoot.kernel.clock import iso, now
from folkmoot.kernel.errors import Conflict, Unavailable
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import SYSTEM, Scope
from folkmoot.workspaces.tables import Workspace

VERBS = {AgentStatus.ACTIVE: "activate", AgentStatus.IDLE: "deactivate", AgentStatus.OFFLINE: "shutdown"}

_NEED_A_CLASS = frozenset({AgentStatus.ACTIVE, AgentStatus.INITIALIZING})
_ENDS = frozenset({AgentStatus.ERROR, AgentStatus.OFFLINE})
_NO_LONGER_BUSY = (AgentStatus.BUSY, AgentStatus.ACTIVE)
_LOCK_WORKSPACE = sa.select(Workspace.id).where(Workspace.id == sa.bindparam("workspace_id")).with_for_update()
_LOCK = sa.select(AgentInstance.id).where(AgentInstance.id == sa.bindparam("agent_id")).with_for_update()
_CHANGE = sa.update(AgentInstance).where(AgentInstance.id == sa.bindparam("this_agent"))
_SET_STATUS = _CHANGE.values(
    status=sa.bindparam("to"),
    last_error=sa.bindparam("error"),
    host_id=sa.bindparam("host"),
    updated_at=sa.bindparam("at", type_=INSTANCE_COLUMNS.updated_at.type),
).returning(*INSTANCE_COLUMNS)
_SET_STATE = _CHANGE.values(state=sa.bindparam("new_state", type_=INSTANCE_COLUMNS.state.type))


Result = tuple[AgentStatus, str | None, JsonObject | None]
"""A status, what went wrong, and the state to be kept, None for the one there is."""


class TooManyAgents(Conflict):
    """The workspace has as many agents as it may"""


class AgentClassMissing(Unavailable):
    """The agent's class is not registered in this process"""

    retryable = False
    hint = "Name its module in AGENT_REGISTRY_MODULES"


@dataclass(frozen=True, slots=True)
class Process:
    """What this process can do for agents of classes: the slugs it knows classes for, and who lives here now."""

    host_id: str
    slugs: frozenset[str] = frozenset()
    live: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Move:
    """A requested status on its way: the hooks to call, none where the status was set at once."""

    wanted: AgentStatus
    hooks: tuple[str, ...] = ()


def is_gone(agent: Agent) -> bool:
    """Whether the process that an agent of a class lives in has not been seen for long."""
    lives = agent.is_hosted and agent.host_id is not None
    return lives and (agent.seen_at is None or agent.seen_at <= alive_since())


def status_of(agent: Agent) -> str:
    """The status an agent shows."""
    return shown_status(agent.status, agent.running_runs, is_gone=is_gone(agent))


def lock_workspace(tx: Tx, workspace_id: str) -> None:
    """Whoever counts the workspace's agents comes one after the other."""
    tx.scalar(_LOCK_WORKSPACE, workspace_id=workspace_id)


def lock_agent(tx: Tx, scope: Scope, agent_id: str) -> Agent:
    """The agent, held until the unit ends. Raises NoSuchAgent."""
    tx.scalar(_LOCK, agent_id=agent_id)
    agent = find_agent(tx, scope, agent_id)
    if agent is None:
        raise NoSuchAgent
    return agent


def check_cap(tx: Tx, scope: Scope, most_online: int) -> None:
    """Raises TooManyAgents where no further agent may be online."""
    if count_online(tx, scope) >= most_online:
        raise TooManyAgents(f"This workspace may have {most_online} agents that are not offline", limit=most_online)


def is_to_change(tx: Tx, scope: Scope, agent: Agent, wanted: AgentStatus, process: Process, most_online: int) -> bool:
    """Checks a request and writes nothing. Raises IllegalAgentStatus, TooManyAgents, AgentClassMissing."""
    before = lifecycle_status(agent.status, is_gone=is_gone(agent))
    if not is_change(before, status_of(agent), wanted):
        return False
    if wanted in _NEED_A_CLASS:
        check_class(is_hosted=agent.is_hosted, slug=agent.definition_slug, process=process)
    if agent.status == AgentStatus.OFFLINE:
        check_cap(tx, scope, most_online)
    return True


def check_class(*, is_hosted: bool, slug: str, process: Process) -> None:
    """Raises AgentClassMissing where an agent needs a class that this process does not have."""
    if is_hosted and slug not in process.slugs:
        raise AgentClassMissing


def begin(tx: Tx, agent: Agent, wanted: AgentStatus, process: Process) -> Move:
    """Do what was asked for, or say which hooks are to be called first; until then it shows where it stands."""
    if wanted in VERBS:
        tx.emit(agent.workspace_id, AgentActivity(agent_id=agent.id, action=VERBS[wanted]))
    stays = _stays_where_it_lives(agent, wanted)
    hooks = hooks_for(wanted, is_live=agent.id in process.live) if agent.is_hosted and not stays else ()
    if not hooks:
        set_status(tx, agent, wanted, host_id=agent.host_id if stays else None)
    elif hooks[-1] != hooks[0] or wanted == AgentStatus.INITIALIZING:
        set_status(tx, agent, AgentStatus.INITIALIZING, host_id=process.host_id)
    return Move(wanted, hooks)


def _stays_where_it_lives(agent: Agent, wanted: AgentStatus) -> bool:
    """To busy and back: said of an agent, not done to it."""
    return not is_gone(agent) and (wanted == AgentStatus.BUSY or (agent.status, wanted) == _NO_LONGER_BUSY)


def hooks_for(wanted: AgentStatus, *, is_live: bool) -> tuple[str, ...]:
    """What the class has to be told; an object that does not live here cannot be told to pause or to end."""
    match wanted:
        case AgentStatus.ACTIVE:
            return ("activate",) if is_live else ("initialize", "activate")
        case AgentStatus.INITIALIZING:
            return ("shutdown", "initialize") if is_live else ("initialize",)
        case AgentStatus.IDLE if is_live:
            return ("deactivate",)
        case AgentStatus.OFFLINE if is_live:
            return ("shutdown",)
        case _:
            return ()


def settle(tx: Tx, scope: Scope, agent_id: str, host_id: str, result: Result) -> bool:
    """Store what the hooks led to; False where the agent is gone or lives elsewhere by now."""
    end, error, state = result
    tx.scalar(_LOCK, agent_id=agent_id)
    agent = find_agent(tx, scope, agent_id)
    if agent is None or agent.host_id not in (host_id, None):
        return False
    if state is not None and state != agent.state:
        set_state(tx, agent.id, state)
    lives = end in (AgentStatus.IDLE, AgentStatus.ACTIVE)
    set_status(tx, agent, end, error=error, host_id=host_id if lives else None)
    return True


def set_status(
    tx: Tx, agent: Agent, status: AgentStatus, *, error: str | None = None, host_id: str | None = None
) -> None:
    """Store a status and say so where the one that is shown is another now."""
    before = status_of(agent)
    told = error if error is not None or status != AgentStatus.ERROR else agent.last_error
    values = {"this_agent": agent.id, "to": status.value, "error": told, "host": host_id, "at": now()}
    changed = tx.write_returning(AgentInstance, _SET_STATUS, **values)
    assert changed is not None, "it is locked"
    say_status(tx, changed, before, shown_status(status, agent.running_runs))


def say_status(tx: Tx, agent: AgentInstance, before: str, after: str, run: JsonObject | None = None) -> None:
    """Of a row as it is now, where the status it shows has changed; `run` is its current_run_id where that has too."""
    if before == after:
        return
    same: JsonObject = {"status": after, "last_error": agent.last_error, **(run or {})}
    changed = AgentStatusChanged(
        agent_id=agent.id,
        previous_status=before,
        status=after,
        error=agent.last_error,
        agent={"id": agent.id, **same, "updated_at": iso(agent.updated_at)},
        totals={"agent_id": agent.id, **same, **totals_of(agent)},
    )
    tx.emit(agent.workspace_id, changed)


def totals_of(agent: AgentInstance) -> JsonObject:
    """Of the runs it took part in that have ended; the duration is the mean, in seconds."""
    ended = agent.success_count + agent.error_count
    return {
        "task_count": agent.task_count,
        "success_count": agent.success_count,
        "error_count": agent.error_count,
        "success_rate": agent.success_count / ended if ended else 0.0,
        "avg_task_duration": agent.busy_milliseconds / 1000 / agent.task_count if agent.task_count else 0.0,
        "last_active_at": None if agent.last_active_at is None else iso(agent.last_active_at),
    }


def report_status(
    tx: Tx, agent_id: str, status: AgentStatus, error: str | None, workspace_id: str | None
) -> AgentInstance:
    """Code of the operator's says what an agent's status is. Raises NoSuchAgent, IllegalAgentStatus."""
    known = find_instance(tx, agent_id)
    if known is None or workspace_id not in (None, known.workspace_id):
        raise NoSuchAgent
    scope = Scope(known.workspace_id, known.project_id, SYSTEM)
    agent = lock_agent(tx, scope, known.id)
    if is_change(lifecycle_status(agent.status, is_gone=is_gone(agent)), status_of(agent), status):
        set_status(tx, agent, status, error=error, host_id=None if status in _ENDS else agent.host_id)
    changed = find_instance(tx, agent_id)
    assert changed is not None, "it is locked"
    return changed


def set_state(tx: Tx, agent_id: str, state: JsonObject) -> None:
    """Keep what the object of a class has for its own."""
    tx.write(_SET_STATE, {"this_agent": agent_id, "new_state": state})
