"""The sanctioned inversions: which rooms execute and observe runs, which tools there are, what keeps house.

With `app` and `life` the only module that knows every room.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from folkmoot.accounts.logins import prune as prune_accounts
from folkmoot.agents.manners import DELEGATING, Manners
from folkmoot.agents.presence import Presence
from folkmoot.agents.queries import find_agent
from folkmoot.agents.service import AgentSettings
from folkmoot.automation.postman import Postman
from folkmoot.automation.schedules import start_due
from folkmoot.contexts.service import ContextSettings
from folkmoot.contexts.tools import context_tools
from folkmoot.conversations.mailbox import MailboxRules
from folkmoot.conversations.mailbox import prune as prune_mailboxes
from folkmoot.conversations.tools import mailbox_tools
from folkmoot.conversations.workflow import ReplyExecutor
from folkmoot.core_agents.delegation import delegating
from folkmoot.core_agents.designing import DesignExecutor, generating
from folkmoot.core_agents.offers import CREATOR, DRIVER, GENERATOR
from folkmoot.core_agents.research import researching
from folkmoot.db.tx import Tx
from folkmoot.debates.executor import DebateExecutor
from folkmoot.debates.progress import DebateProgress
from folkmoot.debates.queries import find_debate
from folkmoot.engine.queue import forget
from folkmoot.events.retention import Retention
from folkmoot.events.retention import prune as prune_events
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import SYSTEM, Scope
from folkmoot.kernel.settings import Settings
from folkmoot.knowledge.cited import cited
from folkmoot.knowledge.search import Search
from folkmoot.knowledge.upkeep import tidy as tidy_knowledge
from folkmoot.knowledge.workflow import IngestExecutor
from folkmoot.llm.embeddings import Embedder
from folkmoot.net.client import GuardedClient
from folkmoot.rooms.executor import RoomReplyExecutor
from folkmoot.rooms.messages import prune as prune_rooms
from folkmoot.rooms.removal import finish_removals as finish_rooms
from folkmoot.rooms.speech import tick as tick_rooms
from folkmoot.rooms.work import RoomReports
from folkmoot.runs.artifact_files import FOLDER, ArtifactFiles, tidy
from folkmoot.runs.engine import RunEngine, join
from folkmoot.runs.queries import find_run
from folkmoot.runs.refills import refill
from folkmoot.runs.tables import Run
from folkmoot.runtime import Runtime
from folkmoot.tasks.progress import TaskProgress
from folkmoot.teams.executor import TeamExecutor
from folkmoot.tools.artifacts import artifact_tools
from folkmoot.tools.builtin import builtin_tools
from folkmoot.tools.loading import load_tools
from folkmoot.tools.registry import ToolRegistry
from folkmoot.tools.sandbox import sandbox_tools
from folkmoot.usage.budgets import Finds
from folkmoot.usage.rules import BudgetScope
from folkmoot.workspaces.removal import finish_removals

LOOK_SECONDS = 1.0
HOUSEKEEPING_SECONDS = 30.0


def _run(tx: Tx, scope: Scope, run_id: str) -> str | None:
    run = find_run(tx, scope, run_id.lower())
    return None if run is None else run.id


def _agent(tx: Tx, scope: Scope, ref: str) -> str | None:
    agent = find_agent(tx, scope, ref)
    return None if agent is None else agent.id


def _debate(tx: Tx, scope: Scope, debate_id: str) -> str | None:
    """Counted under its run."""
    debate = find_debate(tx, scope, debate_id)
    return None if debate is None else debate.run_id


BUDGET_SCOPES: Mapping[BudgetScope, Finds] = {
    BudgetScope.RUN: _run,
    BudgetScope.DEBATE: _debate,
    BudgetScope.AGENT: _agent,
}
"""Who knows what a budget may be for, of what is kept above budgets."""


@dataclass(frozen=True, slots=True)
class Chore:
    """Done again and again, every so many seconds, by the process that leads."""

    seconds: float
    name: str
    work: Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Means:
    """What tools act with."""

    outgoing: GuardedClient
    contexts: ContextSettings
    mailboxes: MailboxRules
    embedder: Embedder
    artifacts: ArtifactFiles
    runs_python: bool


def open_tools(means: Means) -> ToolRegistry:
    """The tools that agents may be given. Raises ToolPackageFailed."""
    tools = (
        *builtin_tools(means.outgoing, means.embedder),
        *context_tools(means.contexts),
        *mailbox_tools(means.mailboxes),
        *artifact_tools(means.artifacts),
        *(sandbox_tools() if means.runs_python else ()),
    )
    registry = ToolRegistry(tools)
    load_tools(registry)
    return registry


def open_manners(runtime: Runtime) -> Manners:
    """How the core agents, and those that may delegate, are asked."""
    handing_on = delegating(runtime.db)
    return {
        DRIVER: handing_on,
        DELEGATING: handing_on,
        CREATOR: researching(Search(runtime.db, runtime.gateway)),
        GENERATOR: generating(runtime.db),
    }


def cites(tx: Tx, run: Run, text: str) -> JsonObject:
    """What an answer of a run cites, of what those may see who see the run."""
    return cited(tx, Scope(run.workspace_id, run.project_id, SYSTEM), text, run.room_id)


def open_engine(runtime: Runtime, settings: Settings, tools: ToolRegistry) -> RunEngine:
    """The engine with its executors and observers."""
    engine = RunEngine(runtime.db, runtime.dispatcher, runtime.supervisor, runtime.host_id)
    join(engine, runtime.relay)
    engine.register(TeamExecutor(runtime.db, runtime.gateway, tools))
    engine.register(ReplyExecutor(engine, runtime.gateway, tools, open_manners(runtime)))
    engine.register(DebateExecutor(engine, runtime.gateway, tools))
    engine.register(RoomReplyExecutor(engine, runtime.gateway, tools))
    engine.register(IngestExecutor(runtime.db, Search(runtime.db, runtime.gateway), runtime.gateway))
    limits = AgentSettings(settings.agents_enabled, settings.agent_max_concurrency)
    engine.register(DesignExecutor(runtime.db, runtime.gateway, tools, limits))
    engine.cites = cites
    engine.observers += (TaskProgress(), DebateProgress(), RoomReports(), Presence())
    return engine


def chores(settings: Settings, runtime: Runtime, engine: RunEngine, postman: Postman) -> list[Chore]:
    """What one process of an installation does for all."""
    db = runtime.db
    kept = Retention(settings.event_retention_days, settings.event_retention_limit)
    delivered = timedelta(days=settings.event_retention_days)
    mailbox_limit = settings.agent_message_retention_limit
    files = ArtifactFiles(settings.data_dir / FOLDER, settings.artifact_max_bytes)
    works = [
        Chore(LOOK_SECONDS, "starting what is due", partial(start_due, engine)),
        Chore(LOOK_SECONDS, "sending to webhooks", postman.look),
        Chore(LOOK_SECONDS, "letting rooms speak", partial(tick_rooms, engine)),
        Chore(LOOK_SECONDS, "refilling budgets", partial(refill, engine)),
        Chore(HOUSEKEEPING_SECONDS, "finishing deletions", partial(finish_removals, db)),
        Chore(HOUSEKEEPING_SECONDS, "finishing deletions of rooms", partial(finish_rooms, db)),
        Chore(HOUSEKEEPING_SECONDS, "pruning events", partial(prune_events, db, kept)),
        Chore(HOUSEKEEPING_SECONDS, "pruning sessions", partial(prune_accounts, db)),
        Chore(HOUSEKEEPING_SECONDS, "pruning mailboxes", partial(prune_mailboxes, db, mailbox_limit)),
        Chore(HOUSEKEEPING_SECONDS, "pruning rooms", partial(prune_rooms, db)),
        Chore(HOUSEKEEPING_SECONDS, "tidying artifacts", partial(tidy, db, files)),
        Chore(HOUSEKEEPING_SECONDS, "tidying knowledge", partial(tidy_knowledge, db)),
        Chore(HOUSEKEEPING_SECONDS, "pruning deliveries", partial(postman.prune, delivered)),
    ]
    if settings.is_postgres:
        works.append(Chore(HOUSEKEEPING_SECONDS, "pruning the queue", partial(db.write, forget)))
    return works
