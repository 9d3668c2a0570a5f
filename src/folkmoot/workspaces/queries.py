"""Every SELECT on workspaces and projects."""

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.workspaces.tables import Project, Workspace

DEFAULT = "default"

_DEFAULT_PROJECT = (
    sa.select(Project.__table__)
    .join(Workspace, Workspace.id == Project.workspace_id)
    .order_by(sa.case((Project.slug == DEFAULT, 0), else_=1), Project.id)
    .limit(1)
)
_PROJECT_BY_ID = _DEFAULT_PROJECT.where(Workspace.id == sa.bindparam("selector"))
_PROJECT_BY_SLUG = _DEFAULT_PROJECT.where(Workspace.slug == sa.bindparam("selector"))


def find_project_of_id(tx: Tx, workspace_id: str) -> Project | None:
    """The project `default` of the workspace with this id, else its oldest."""
    return tx.first(Project, _PROJECT_BY_ID, selector=workspace_id)


def find_project_of_slug(tx: Tx, slug: str) -> Project | None:
    """The project `default` of the workspace with this slug, else its oldest."""
    return tx.first(Project, _PROJECT_BY_SLUG, selector=slug)
