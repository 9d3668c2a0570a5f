"""Definitions from code: what every workspace can make agents of, written to the database at each start."""

from dataclasses import dataclass

import sqlalchemy as sa

from folkmoot.agents.queries import DEFINITION_COLUMNS
from folkmoot.agents.schemas import AgentConfig
from folkmoot.agents.tables import AgentDefinition
from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject
from folkmoot.tools.registry import without_titles


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltIn:
    slug: str
    name: str
    agent_type: str
    description: str
    capabilities: tuple[str, ...]


BUILT_IN = (
    BuiltIn(
        slug="assistant",
        name="Assistant",
        agent_type="assistant",
        description="A plain assistant: answers messages as it is instructed, with the tools it is given",
        capabilities=("chat",),
    ),
)

_FROM_CODE = sa.select(*DEFINITION_COLUMNS).where(
    AgentDefinition.workspace_id.is_(None), AgentDefinition.slug == sa.bindparam("slug")
)
_CHANGE = sa.update(AgentDefinition).where(AgentDefinition.id == sa.bindparam("this_definition"))


def ensure_definitions(tx: Tx) -> None:
    """Make or refresh the definitions from code. One that an operator has disabled stays so."""
    for built_in in BUILT_IN:
        said = _said(built_in)
        known = tx.first(AgentDefinition, _FROM_CODE, slug=built_in.slug)
        if known is None:
            made = {"id": new_id(), "is_enabled": True, "created_at": now(), "updated_at": now()}
            tx.write(sa.insert(AgentDefinition), {**said, **made, "slug": built_in.slug})
        elif any(getattr(known, name) != value for name, value in said.items()):
            tx.write(_CHANGE.values(**said, updated_at=now()), {"this_definition": known.id})


def _said(built_in: BuiltIn) -> dict[str, object]:
    schema: JsonObject = without_titles(AgentConfig.model_json_schema())
    return {
        "workspace_id": None,
        "name": built_in.name,
        "agent_type": built_in.agent_type,
        "description": built_in.description,
        "capabilities": [*built_in.capabilities],
        "config_schema": schema,
        "meta_data": {},
    }
