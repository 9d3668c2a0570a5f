"""A run's artifacts over HTTP: listed with type, size and hash, and downloaded as the bytes that were kept."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.responses import FileResponse
from starlette.requests import HTTPConnection, Request

from folkmoot.http.deps import Db
from folkmoot.http.download import attachment
from folkmoot.http.paging import Paging
from folkmoot.http.problems import problems
from folkmoot.http.text import Line
from folkmoot.kernel.json import LARGEST_INTEGER
from folkmoot.runs import views
from folkmoot.runs.artifact_files import ArtifactElsewhere, ArtifactFiles
from folkmoot.runs.artifacts import NoSuchArtifact
from folkmoot.runs.deps import RunId
from folkmoot.runs.queries import NoSuchRun
from folkmoot.runs.schemas import ArtifactPage
from folkmoot.workspaces.deps import Here

router = APIRouter(prefix="/api/runs", tags=["runs"])


async def _files(connection: HTTPConnection) -> ArtifactFiles:
    files: ArtifactFiles = connection.app.state.artifact_files
    return files


Files = Annotated[ArtifactFiles, Depends(_files)]


@router.get("/{run_id}/artifacts", responses=problems(NoSuchRun))
async def list_run_artifacts(
    db: Db,
    here: Here,
    run_id: RunId,
    paging: Paging,
    name: Annotated[Line | None, Query(description="Only the versions of this name")] = None,
) -> ArtifactPage:
    """Every version of every name, by name and version."""
    found = await db.read_long(views.show_artifacts, here, run_id, name)
    shown = found[paging.skip : paging.skip + paging.limit]
    return ArtifactPage(artifacts=shown, total=len(found), skip=paging.skip, limit=paging.limit)


@router.get(
    "/{run_id}/artifacts/{name:path}",
    response_class=Response,
    responses={
        200: {
            "content": {
                "text/markdown": {"example": "# Crashes\n"},
                "application/octet-stream": {"example": "any bytes"},
            },
            "description": "The artifact's bytes, with its own media type",
        },
        304: {"description": "If-None-Match names the bytes as they are"},
        **problems(NoSuchRun, NoSuchArtifact, ArtifactElsewhere),
    },
)
async def get_run_artifact(
    request: Request,
    db: Db,
    here: Here,
    files: Files,
    run_id: RunId,
    name: Annotated[str, Path(description="The artifact's name or id")],
    version: Annotated[int | None, Query(ge=1, le=LARGEST_INTEGER, description="Default: the latest")] = None,
) -> Response:
    """An artifact as it was kept: a download, never a page. Its ETag is its SHA-256."""
    found = await db.read_long(views.read_artifact, here, run_id, name, version)
    headers = {**attachment(found.name), "ETag": f'"{found.sha256}"', "X-Artifact-Version": str(found.version)}
    if _is_known(request.headers.get("if-none-match"), found.sha256):
        return Response(status_code=304, headers=headers)
    if found.file is not None:
        return FileResponse(files.path(found.file), media_type=found.media_type, headers=headers)
    return Response(found.body, media_type=found.media_type, headers=headers)


def _is_known(tags: str | None, digest: str) -> bool:
    """Whether an If-None-Match names this digest; it compares weakly (RFC 9110, 13.1.2)."""
    given = [tag.strip().removeprefix("W/") for tag in (tags or "").split(",")]
    return "*" in given or f'"{digest}"' in given
