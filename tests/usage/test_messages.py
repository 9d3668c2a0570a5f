"""A message in a workspace without budgets pays nothing for there being budgets; in one with some it is paid for."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from folkmoot.db.prepared_sqlite import SqliteTx
from folkmoot.db.tx import Result, Values
from folkmoot.runs import refills
from folkmoot.usage import queries
from tests.databases import new_scope
from tests.usage.stage import ANSWER_USD, Stage, staged

HOUSEKEEPING = {str(statement) for statement in (queries._BUDGETED, refills._LEFT)}


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked of the tables of budgets, but for what is looked for in the background."""
    found: list[str] = []
    run = SqliteTx._run

    def note(tx: SqliteTx, statement: sa.Executable, values: Values | None) -> Result:
        text = statement.table.name if isinstance(statement, sa.Insert) else str(statement)
        if ("budgets" in text or "budget_reservations" in text) and text not in HOUSEKEEPING:
            found.append(text)
        return run(tx, statement, values)

    monkeypatch.setattr(SqliteTx, "_run", note)
    return found


async def ask(stage: Stage, agent: dict[str, str]) -> dict[str, dict[str, str]]:
    answer: dict[str, dict[str, str]] = await stage.ask(
        "POST", f"/api/agents/{agent['id']}/message", {"message": "Hello"}
    )
    return answer


async def test_only_a_workspace_with_budgets_pays_for_them(sqlite_url: str, tmp_path: Path, sent: list[str]) -> None:
    async with staged(sqlite_url, tmp_path) as stage:
        other = await stage.db.write(new_scope)
        agent = await stage.ask("POST", "/api/agents", {"definition_slug": "assistant"}, 201)
        await ask(stage, agent)
        stage.headers = {"X-Workspace-Id": other.workspace_id}
        await stage.budget(usd="100")
        stage.headers = {"X-Workspace-Id": stage.scope.workspace_id}
        sent.clear()
        await ask(stage, agent)
        assert sent == []
        made = await stage.budget(usd="100")
        await ask(stage, agent)
        assert sent != []
        assert (await stage.ask("GET", f"/api/budgets/{made['id']}"))["used_usd"] == ANSWER_USD


async def test_a_reply_that_waits_for_a_budget_is_told_as_such(sqlite_url: str, tmp_path: Path) -> None:
    async with staged(sqlite_url, tmp_path) as stage:
        await stage.budget(usd="1")
        agent = await stage.ask("POST", "/api/agents", {"definition_slug": "assistant"}, 201)
        waiting = await stage.ask("POST", f"/api/agents/{agent['id']}/message", {"message": "Hello"}, 202)
        assert (waiting["status"], waiting["waiting_for"]) == ("paused", "budget")
