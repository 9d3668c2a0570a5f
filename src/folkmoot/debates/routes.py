"""Debates over HTTP."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from folkmoot.agents.queries import NoSuchAgent, NotInitialized
from folkmoot.debates import queries, service, views
from folkmoot.debates.deps import DebateId
from folkmoot.debates.example import REPORT
from folkmoot.debates.executor import AgentsNotDistinct
from folkmoot.debates.markdown import markdown
from folkmoot.debates.page import POLICY, page
from folkmoot.debates.queries import NoSuchDebate, debate_view
from folkmoot.debates.reading import Report
from folkmoot.debates.rules import DebateStatus, IllegalControl
from folkmoot.debates.schemas import (
    DebateControl,
    DebateDetail,
    DebateInitialized,
    DebatePage,
    DebateView,
    NewDebate,
    NewStatement,
    StatementView,
    TranscriptPage,
)
from folkmoot.debates.service import NoSuchOption
from folkmoot.debates.views import NoReportYet
from folkmoot.http.deps import Db
from folkmoot.http.paging import Paging
from folkmoot.http.problems import problems
from folkmoot.kernel.json import JsonObject
from folkmoot.llm.faults import UnknownModel
from folkmoot.runs.deps import Engine
from folkmoot.runs.idempotency import KeyInUse, KeyReused, request_key
from folkmoot.runs.service import RunHasEnded, RunNotPausable, RunNotResumable
from folkmoot.tasks.deps import IdempotencyKey
from folkmoot.workspaces.deps import Here

_INITIALIZE = "/api/debate/initialize"

router = APIRouter(tags=["debates"])
_UNKNOWN = problems(NoSuchDebate)


@router.post(
    _INITIALIZE,
    responses=problems(NoSuchAgent, NotInitialized, AgentsNotDistinct, UnknownModel, KeyReused, KeyInUse),
)
async def initialize_debate(
    new: NewDebate,
    db: Db,
    engine: Engine,
    here: Here,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> DebateInitialized:
    """Make a debate; nobody speaks before it is started."""
    key = request_key(idempotency_key, f"POST {_INITIALIZE}", new)
    debate = await db.write(service.initialize_debate, engine, here, new, key)
    response.headers["Location"] = f"/api/debates/{debate.id}"
    return DebateInitialized(debate_id=debate.id, status=DebateStatus(debate.status), run_id=debate.run_id)


@router.post(
    "/api/debate/{debate_id}/control",
    responses=problems(NoSuchDebate, IllegalControl, RunHasEnded, RunNotPausable, RunNotResumable),
)
async def control_debate(control: DebateControl, db: Db, engine: Engine, here: Here, debate_id: DebateId) -> DebateView:
    """Start, pause, resume or stop. A pause takes hold when the turns that are under way have ended."""
    return debate_view(await db.write(service.control_debate, engine, here, debate_id, control.action))


@router.get("/api/debates")
async def list_debates(
    db: Db, here: Here, paging: Paging, status: Annotated[DebateStatus | None, Query()] = None
) -> DebatePage:
    """Newest first."""
    wanted = status.value if status is not None else None
    found, total = await db.read_long(queries.list_debates, here, wanted, paging.skip, paging.limit)
    return DebatePage(debates=found, total=total, skip=paging.skip, limit=paging.limit)


@router.get("/api/debates/{debate_id}", responses=_UNKNOWN)
async def get_debate(
    db: Db, here: Here, debate_id: DebateId, with_cursor: Annotated[bool, Query()] = False
) -> DebateDetail:
    """How a debate stands, with what each round came to."""
    return await db.read_long(views.show_debate, here, debate_id, with_cursor=with_cursor)


@router.get(
    "/api/debates/{debate_id}/report",
    response_model=JsonObject,
    responses={
        200: {
            "content": {
                "application/json": {"example": REPORT},
                "text/markdown": {"example": "# Which one?\n"},
                "text/html": {"example": "<!doctype html>"},
            }
        },
        **problems(NoSuchDebate, NoReportYet),
    },
)
async def get_debate_report(
    db: Db,
    here: Here,
    debate_id: DebateId,
    wanted: Annotated[Literal["json", "markdown", "html"], Query(alias="format")] = "json",
) -> JsonObject | Response:
    """What was decided and how it came about, once the debate has ended; as a page it needs nothing else."""
    made = await db.read_long(views.show_report, here, debate_id)
    return made if wanted == "json" else _written(Report.model_validate(made), wanted)


def _written(report: Report, wanted: Literal["markdown", "html"]) -> Response:
    if wanted == "markdown":
        return Response(markdown(report), media_type="text/markdown; charset=utf-8")
    return Response(page(report), media_type="text/html", headers={"Content-Security-Policy": POLICY})


@router.get("/api/debates/{debate_id}/transcript", responses=_UNKNOWN)
async def get_debate_transcript(db: Db, here: Here, debate_id: DebateId, paging: Paging) -> TranscriptPage:
    """What was said, in the order in which it was published."""
    id, said, total = await db.read_long(views.show_transcript, here, debate_id, paging.skip, paging.limit)
    return TranscriptPage(debate_id=id, statements=said, total=total, skip=paging.skip, limit=paging.limit)


@router.post(
    "/api/debates/{debate_id}/statements",
    status_code=201,
    responses=problems(NoSuchDebate, RunHasEnded, NoSuchOption),
)
async def say_in_debate(new: NewStatement, db: Db, engine: Engine, here: Here, debate_id: DebateId) -> StatementView:
    """Say something as a person; the participants hear it from their next turn on, and nobody in a blind opening."""
    return await db.write(service.say, engine, here, debate_id, new)
