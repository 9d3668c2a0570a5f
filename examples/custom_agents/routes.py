"""Routes beside those of the API: notes in an agent's versioned context, and counting them in the background."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request

from folkmoot import get_task_runner

router = APIRouter(prefix="/notes", tags=["notes"])

CONTEXT = "notes"


@router.post("/{workspace_id}/{agent_id}")
async def write_notes(workspace_id: str, agent_id: str, notes: dict[str, Any], request: Request) -> dict[str, int]:
    """Every write is a new version; none is ever lost."""
    service = request.app.state.context_service
    async with request.app.state.sessions() as session:
        context = await service.get_or_create_context(session, agent_id, CONTEXT, workspace_id)
        version = await service.write_context(session, context.id, notes, "Written by a route", created_by="notes")
    return {"version": version}


@router.get("/{workspace_id}/{agent_id}")
async def read_notes(workspace_id: str, agent_id: str, request: Request, version: int | None = None) -> dict[str, Any]:
    service = request.app.state.context_service
    async with request.app.state.sessions() as session:
        context = await service.get_or_create_context(session, agent_id, CONTEXT, workspace_id)
        data: dict[str, Any] = await service.read_context(session, context.id, version=version)
    return data


@router.post("/{workspace_id}/{agent_id}/count", status_code=202)
async def count_notes(workspace_id: str, agent_id: str, request: Request) -> dict[str, str]:
    """Begins to count; `GET /counts/{task_id}` says how that goes."""

    async def count() -> int:
        await asyncio.sleep(0)  # where long work would be
        return len(await read_notes(workspace_id, agent_id, request))

    return {"task_id": await get_task_runner().submit(count(), name="count notes")}


counts = APIRouter(prefix="/counts", tags=["notes"])


@counts.get("/{task_id}")
async def get_count(task_id: str) -> dict[str, Any] | None:
    status = await get_task_runner().get_status(task_id)
    return None if status is None else dict(status)
