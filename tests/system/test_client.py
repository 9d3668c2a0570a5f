"""A server is killed and started again while its log and a run of it are followed: nobody misses a thing."""

import asyncio
from contextlib import aclosing
from pathlib import Path

from folkmoot.client import AsyncFolkmoot, Event
from folkmoot.kernel.json import JsonObject
from tests.client.proxy import line_to
from tests.stubs.openai_stub import OpenAIStub, Reply, team_script
from tests.system.server import server

KILLS = 3


async def follow_run(client: AsyncFolkmoot, run_id: str) -> list[Event]:
    return [item async for item in client.follow_run(run_id) if isinstance(item, Event)]


async def follow_log(client: AsyncFolkmoot, run_id: str) -> list[int]:
    seqs = list[int]()
    async with aclosing(client.events(after=0)) as items:
        async for item in items:
            assert isinstance(item, Event)
            seqs.append(item.seq)
            if item.run_id == run_id and item.event_type == "completion":
                break
    return seqs


async def test_what_is_followed_goes_on_after_every_kill(tmp_path: Path) -> None:
    asked = asyncio.Queue[None]()

    def script(body: JsonObject) -> Reply:
        asked.put_nowait(None)
        return team_script(body)

    async with (
        OpenAIStub(script, delay_ms=100) as stub,
        server(tmp_path, OPENAI_BASE_URL=stub.base_url, DEFAULT_MODEL="openai:stub-1") as running,
        line_to(running.address) as line,
        AsyncFolkmoot(line.address) as client,
        asyncio.timeout(120),
    ):
        task = await client.create_task(description="Write a tagline")
        run = await client.start_run(task.id)
        following = asyncio.gather(follow_run(client, run.id), follow_log(client, run.id))
        for _ in range(KILLS):
            await asked.get()
            await running.kill()
            await running.start()
            line.target = running.address
        events, seqs = await following
        ended = await client.wait_for_run(run.id)
    assert ended.status == "completed"
    assert [event.run_seq for event in events] == list(range(1, len(events) + 1))
    assert events[-1].event_type == "completion"
    assert seqs == list(range(1, len(seqs) + 1))
