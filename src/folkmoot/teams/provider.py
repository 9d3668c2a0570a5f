"""Teams for code in the process of an application: give them a task, await what comes of it."""

from dataclasses import dataclass
from typing import Protocol, TypedDict

from pydantic import ValidationError

from folkmoot.accounts.rules import LOCAL_OWNER
from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import Invalid
from folkmoot.kernel.json import Json
from folkmoot.kernel.scope import SYSTEM, Scope
from folkmoot.llm.gateway import Gateway
from folkmoot.runs.engine import RunEngine
from folkmoot.runs.queries import find_run
from folkmoot.runs.rules import FINAL, STANDING, RunStatus, WaitingFor
from folkmoot.runs.tables import Run
from folkmoot.tasks.rules import DEFAULT_TEAM, TaskDefaults
from folkmoot.tasks.schemas import NewTask, NewTaskRun
from folkmoot.tasks.service import KIND, create_task, run_task
from folkmoot.teams.schemas import TeamSpec
from folkmoot.teams.service import apply_team
from folkmoot.workspaces.lookup import WorkspaceLookup

_LIMITS = ("max_rounds", "max_revision_rounds")
_LONGEST_SECONDS = 604_800.0  # no run has a later deadline


class UnusableTask(Invalid):
    """A task for a team is a text of 1 to 100,000 characters"""


class NamedTeam(Protocol):
    """A team that the workspace has, and limits for the task, None for the defaults."""

    slug: str
    max_rounds: int | None
    max_revision_rounds: int | None


class TeamResult(TypedDict):
    """What came of a team's work so far.

    `status` says whether that is all: a run that is paused or awaits approval goes on once somebody has done what
    `open_issues` says; `stop_reason` is then what it waits for. `summary` is None where there is none.
    """

    run_id: str
    status: str
    summary: str | None
    deliverables: list[Json]
    open_issues: list[Json]
    stop_reason: str | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where the services work: an engine, and the workspaces it serves."""

    engine: RunEngine
    workspaces: WorkspaceLookup
    defaults: TaskDefaults
    gateway: Gateway

    async def scope(self, workspace_id: str | None = None) -> Scope:
        """That workspace or `default`, on behalf of the software itself. Raises NoSuchWorkspace."""
        found = await self.workspaces.find(LOCAL_OWNER, None if workspace_id is None else ("id", workspace_id.lower()))
        return Scope(found.workspace_id, found.project_id, SYSTEM)


class TeamProvider:
    """Runs of teams for code that awaits their result."""

    def __init__(self, place: Place) -> None:
        self._place = place

    async def run_task(
        self, task: str, *, team: NamedTeam | TeamSpec | None = None, workspace_id: str | None = None
    ) -> TeamResult:
        """Have a team do this and wait for the end of its run, which goes on where the caller does not.

        A run that is paused, has no budget left or waits for a person is answered as it stands; `wait` waits on. A
        team that is given as a TeamSpec becomes the workspace's team of that slug. A server that stops answers the
        run as it is. Raises UnusableTask, NoSuchWorkspace, and what a team may not be: NoSuchAgent, BuiltInTeam, ...
        """
        place, new = self._place, _task(task, team)
        scope = await place.scope(workspace_id)
        run = await place.engine.database.write(_give, place, scope, new, team if isinstance(team, TeamSpec) else None)
        return await self.wait(run.id, workspace_id=workspace_id)

    async def wait(self, run_id: str, *, workspace_id: str | None = None) -> TeamResult:
        """The run once it has ended, or stands still until somebody does something. Raises NoSuchRun."""
        place = self._place
        scope = await place.scope(workspace_id)
        return _team_result(await place.engine.wait(scope, run_id.lower(), _LONGEST_SECONDS, until=STANDING))

    async def get_status(self, run_id: str, *, workspace_id: str | None = None) -> TeamResult | None:
        """The run as it is; None for an id that is no team's run."""
        scope = await self._place.scope(workspace_id)
        run = await self._place.engine.database.read(find_run, scope, run_id.lower())
        return None if run is None or run.kind != KIND else _team_result(run)


def _task(text: str, team: NamedTeam | TeamSpec | None) -> NewTask:
    """Raises UnusableTask."""
    limits = {} if team is None or isinstance(team, TeamSpec) else {name: getattr(team, name) for name in _LIMITS}
    try:
        return NewTask(description=text, team=DEFAULT_TEAM if team is None else team.slug, **limits)
    except ValidationError as error:
        raise UnusableTask(f"{UnusableTask.__doc__}: {error.errors()[0]['msg']}") from error


def _give(tx: Tx, place: Place, scope: Scope, new: NewTask, spec: TeamSpec | None) -> Run:
    if spec is not None:
        apply_team(tx, place.gateway, scope, spec)
    task = create_task(tx, place.engine, scope, new, place.defaults)
    return run_task(tx, place.engine, scope, NewTaskRun(task_id=task.id), None)


def _team_result(run: Run) -> TeamResult:
    result = run.result or {}
    summary, deliverables, issues = (result.get(name) for name in ("summary", "deliverables", "open_issues"))
    return TeamResult(
        run_id=run.id,
        status=str(run.status),
        summary=summary if isinstance(summary, str) else run.error_message,
        deliverables=deliverables if isinstance(deliverables, list) else [],
        open_issues=issues if isinstance(issues, list) else _awaited(run),
        stop_reason=run.stop_reason if run.status in FINAL else run.stop_reason or run.waiting_for,
    )


def _awaited(run: Run) -> list[Json]:
    """What somebody has to do before a run goes on."""
    if run.status == RunStatus.AWAITING_APPROVAL:
        return ["Somebody has to decide an approval of this run; GET /api/approvals lists them"]
    if run.status == RunStatus.PAUSED and run.waiting_for == WaitingFor.BUDGET:
        return ["The budget is used up; somebody has to raise it, or to end the run"]
    return ["The run is paused; somebody has to resume it"] if run.status == RunStatus.PAUSED else []
