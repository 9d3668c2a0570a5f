"""Recording one call's usage."""

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.values import fixed
from folkmoot.llm.messages import Usage
from folkmoot.usage.tables import UsageRecord

_INSERT = sa.insert(UsageRecord)


@fixed(kw_only=True)
class Spender:
    """On whose account a call was made."""

    workspace_id: str
    project_id: str
    kind: str
    run_id: str | None = None
    agent_id: str | None = None


def record(tx: Tx, spender: Spender, usage: Usage) -> None:
    """A call, or an answer that was known and took none."""
    tx.write(
        _INSERT,
        {
            "id": new_id(),
            "workspace_id": spender.workspace_id,
            "project_id": spender.project_id,
            "run_id": spender.run_id,
            "agent_id": spender.agent_id,
            "provider": usage.provider,
            "model": usage.model,
            "kind": spender.kind,
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "cached_tokens": usage.cached_tokens,
            "cost": usage.cost,
            "latency_milliseconds": round(usage.latency_seconds * 1000),
            "is_estimated": usage.estimated,
            "is_cached": usage.cache == "hit",
            "at": tx.at,
        },
    )
