"""What the whole team is doing now is one call: few statements, along indexes, however many agents there are."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from folkmoot.agents.queries import list_agents
from folkmoot.agents.tables import AgentInstance
from folkmoot.db.tx import Tx
from folkmoot.kernel.scope import Scope
from tests.agents.crowd import crowd
from tests.agents.office import Office

Statement = tuple[str, object]


@contextmanager
def statements() -> Iterator[list[Statement]]:
    """What this process sends to any database meanwhile."""
    sent: list[Statement] = []

    def note(_: object, cursor: object, statement: str, parameters: object, *more: object) -> None:
        sent.append((statement, parameters))

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)


def explained(tx: Tx, scope: Scope, filters: dict[str, str], skip: int) -> list[str]:
    """The plans of what a page asks for."""
    with statements() as sent:
        list_agents(tx, scope, filters, skip, 50)
    plans = []
    for statement, parameters in sent:
        how = "explain query plan " if tx.dialect == "sqlite" else "explain "
        plan = tx._connection.exec_driver_sql(how + statement, parameters)  # type: ignore[arg-type]
        plans.append("\n".join(str(row[-1]) for row in plan))
    return plans


def dismiss_all(tx: Tx, scope: Scope) -> None:
    tx.write(sa.delete(AgentInstance).where(AgentInstance.workspace_id == scope.workspace_id))


def make_busy(tx: Tx, number: int) -> None:
    tx.write(sa.update(AgentInstance).where(AgentInstance.number == number).values(running_runs=1))


@pytest.mark.parametrize("query", ["", "?status=busy", "?type=assistant&skip=30", "?limit=200"])
async def test_a_page_is_two_statements(office: Office, query: str) -> None:
    counts = []
    for agents in (3, 40):
        await office.db.write(dismiss_all, office.scope)
        await crowd(office.db, office.scope, agents)
        await office.db.write(make_busy, 5)
        with statements() as sent:
            page = await office.get(f"/api/agents{query}")
        listed = page["agents"]
        assert isinstance(listed, list)
        counts.append(len([statement for statement, _ in sent if statement.lower().startswith("select")]))
    assert counts == [2, 2]
    assert page["total"] == (1 if "busy" in query else 40)


@pytest.mark.parametrize("filters", [{}, {"status": "busy"}, {"agent_type": "assistant"}])
async def test_pages_are_read_along_an_index(office: Office, filters: dict[str, str]) -> None:
    await crowd(office.db, office.scope, 1000)
    if office.db.dialect == "postgresql":
        await office.db.write(lambda tx: tx.write(sa.text("analyze agent_instances")))
    count, page = await office.db.read(explained, office.scope, filters, 900)
    for plan in (count, page):
        assert "messages" not in plan
        if office.db.dialect == "sqlite":
            assert "SCAN agent_instances" not in plan, plan
            assert "workspace_id=?" in plan, plan
        else:
            assert "Seq Scan on runs" not in plan, plan
            assert "Seq Scan on run_agents" not in plan, plan
