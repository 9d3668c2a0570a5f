"""Calls of both clients over a real socket: results, refusals, and what is made again when the line breaks."""

import asyncio

import pytest

from folkmoot.client import (
    ApiProblem,
    AsyncFolkmoot,
    Conflict,
    Folkmoot,
    Invalid,
    NotFound,
    ServerFault,
    Unreachable,
    Unreadable,
)
from folkmoot.client.faults import problem_of
from folkmoot.client.resources.conversations import Acknowledgement, Reply
from folkmoot.client.wire import Answer, one, path
from tests.client.proxy import line_to


def work_in(address: str) -> tuple[str, str, list[str]]:
    """A script without an event loop."""
    with Folkmoot(address) as client:
        workspace = client.create_workspace("North Harbour")
        assert workspace.slug in [known.slug for known in client.list_workspaces().workspaces]
    with Folkmoot(address, workspace=workspace.slug) as client:
        ada = client.create_agent(definition_slug="assistant", name="Ada", config={"max_tokens": 99})
        assert client.get_agent(ada.number) == client.get_agent(ada.slug) == ada
        assert client.change_agent(ada.id, config={"max_tokens": 98}).config["max_tokens"] == 98
        assert client.get_agent_status(ada.id).agent_name == "Ada"
        reply = client.send_message(ada.number, "Hello")
        assert isinstance(reply, Reply)
        said = client.list_conversation_messages(reply.conversation_id)
        document = client.add_document("a.md", "After a crash all goes on.", tags=["crash"])
        assert document.id in [passage.document_id for passage in client.search_knowledge("crash").passages]
        task = client.create_task(description="Summarise a.md", config={"documents": [document.id]})
        run = client.wait_for_run(client.start_run(task.id).id, timeout=60)
        assert (run.status, run.task_id, run.usage.model_calls > 0) == ("completed", task.id, True)
        artifact = client.list_run_artifacts(run.id).artifacts[0]
        assert artifact.size == len(client.get_run_artifact(run.id, artifact.name))
        client.delete_document(document.id)
        by_id = client.list_agents(status="active").agents
    return ada.workspace_id, workspace.id, [agent.slug for agent in by_id] + [message.text for message in said.messages]


async def test_a_script_does_a_days_work(address: str) -> None:
    used, made, heard = await asyncio.to_thread(work_in, address)
    assert used == made
    assert heard[:2] == ["ada", "Hello"]
    async with AsyncFolkmoot(address, workspace=made) as client:
        assert [agent.slug for agent in (await client.list_agents()).agents] == ["ada"]
        replies = await asyncio.gather(*(client.send_message("ada", f"Hello {n}") for n in range(4)))
        assert len({reply.run_id for reply in replies}) == 4


async def test_what_the_api_refuses_is_told_by_its_class(address: str) -> None:
    async with AsyncFolkmoot(address) as client:
        with pytest.raises(NotFound) as unknown:
            await client.get_agent("nobody")
        assert (unknown.value.status, unknown.value.code) == (404, "no_such_agent")
        assert unknown.value.detail == "Agent not found"
        with pytest.raises(Invalid) as invalid:
            await client.create_agent()
        assert isinstance(invalid.value.facts["errors"], list)
        await client.create_workspace("Twice", slug="twice")
        with pytest.raises(Conflict):
            await client.create_workspace("Twice", slug="twice")
    async with AsyncFolkmoot(address, workspace="not-mine") as client:
        with pytest.raises(NotFound, match="Workspace not found"):
            await client.list_agents()


async def test_a_lost_answer_of_work_is_fetched_without_doing_it_twice(address: str) -> None:
    async with AsyncFolkmoot(address) as client:
        await client.create_agent(definition_slug="assistant", name="Ada")
        task = await client.create_task(description="Write a tagline")
    budgets = iter([10, 10])
    async with line_to(address, lambda: next(budgets, None)) as line, AsyncFolkmoot(line.address) as client:
        run = await client.start_run(task.id)
        assert line.cuts == 2
        assert [known.id for known in (await client.list_runs(task_id=task.id)).runs] == [run.id]
        budgets = iter([10])
        line.cut()
        reply = await client.send_message("ada", "Hello")
        assert isinstance(reply, Reply)
        told = await client.list_agent_messages("ada")
        assert [message.text for message in told.messages if message.direction == "inbound"] == ["Hello"]


async def test_what_may_not_be_said_twice_is_not(address: str) -> None:
    budgets = iter([10])
    async with line_to(address, lambda: next(budgets, None)) as line, AsyncFolkmoot(line.address) as client:
        with pytest.raises(Unreachable) as lost:
            await client.create_workspace("Once", slug="once")
        assert lost.value.was_sent
        assert (line.connections, line.cuts) == (1, 1)
        assert "once" in [known.slug for known in (await client.list_workspaces()).workspaces]


async def test_deleting_what_a_lost_call_has_deleted_is_done(address: str) -> None:
    async with AsyncFolkmoot(address) as client:
        document = await client.add_document("a.md", "Text")
    budgets = iter([10])
    async with line_to(address, lambda: next(budgets, None)) as line, AsyncFolkmoot(line.address) as client:
        await client.delete_document(document.id)
        assert line.cuts == 1
        with pytest.raises(NotFound):
            await client.delete_document(document.id)


async def test_nobody_there() -> None:
    async with AsyncFolkmoot("http://127.0.0.1:9") as client:
        with pytest.raises(Unreachable) as nobody:
            await client.create_workspace("x")
        assert not nobody.value.was_sent


def test_an_id_that_would_lead_elsewhere_is_not_sent() -> None:
    for given in ("", ".", "..", "../users", "a//b", "a/../b"):
        with pytest.raises(ValueError, match="cannot be a"):
            path("/api/agents/{agent_id}", agent_id=given)
    assert path("/api/x/{name}", name="a/b c?.md") == "/api/x/a%2Fb%20c%3F.md"


def test_an_answer_of_a_newer_server_is_read_and_one_of_another_is_not() -> None:
    body = b'{"acknowledged": ["a"], "expired": [], "later": 1}'
    assert one(Acknowledgement)(Answer(200, {}, body)).acknowledged == ["a"]
    with pytest.raises(Unreadable, match="Acknowledgement"):
        one(Acknowledgement)(Answer(200, {}, b"<html>"))
    foreign = problem_of(507, {})
    assert (type(foreign), foreign.code, str(foreign)) == (
        ServerFault,
        "unknown",
        "The server answered 507 (507 unknown)",
    )
    assert type(problem_of(418, {"title": "Teapot"})) is ApiProblem
