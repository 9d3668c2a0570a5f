"""What a turn of a debate costs beyond its language model: the whole application in this process, models by script."""

import asyncio
import gc
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop
from httpx2 import AsyncClient

from bench.databases import fresh_database
from bench.figures import Figure, middle, quantile, show
from bench.store import Store
from folkmoot.debates.executor import DebateExecutor
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.llm.gateway import Answer, Deltas, Gateway, Request
from folkmoot.llm.messages import Ceiling, Usage
from folkmoot.llm.settings import LlmSettings
from folkmoot.runs.engine import RunEngine
from tests.databases import new_scope
from tests.serving import client_of, running, settings_for

DEBATES = 50
AGENTS = 5
TURNS = 4 * AGENTS
"""Of a freeform debate of two rounds: openings, ballots, turns, ballots."""

CALL_SECONDS = 0.05
BAR_MS = 2.0
ROUNDS = 3
_TEXT = "The argument in full: what speaks for it, what speaks against it, and what follows. " * 5
_USAGE = Usage(900, 120, 0, Decimal("0.0004"), CALL_SECONDS, "stub", "stub-1")
_CEILING = Ceiling(provider="stub", model="stub-1", input_tokens=4000, output_tokens=4096, cost=Decimal("0.01"))
_FORMS = tuple(
    json.dumps({"text": _TEXT, "position": option, "confidence": 0.8, "changed_because": "", "pass": False})
    for option in ("A", "B", "C")
)


class SlowModel(Gateway):
    """Answers every question after `CALL_SECONDS`, which takes no work; a ballot takes of the form what it needs."""

    def __init__(self) -> None:
        super().__init__(LlmSettings())
        self._answers = cycle(_FORMS)

    async def ask(self, request: Request, deltas: Deltas | None = None) -> Answer:
        if request.account is not None:
            await request.account.reserve(_CEILING)
        await asyncio.sleep(CALL_SECONDS)
        if request.account is not None:
            request.account.took(_USAGE)
        return Answer(text=next(self._answers), calls=(), usage=_USAGE, models=("stub:stub-1",), finish="stop")


@dataclass(slots=True)
class Load:
    """Holds one debate; what so many at once have cost for each turn, and how long each of them took."""

    hold: Callable[[], Awaitable[None]]
    cpu_ms: list[float] = field(default_factory=list)
    took_seconds: list[float] = field(default_factory=list)

    async def held_at_once(self, debates: int) -> None:
        cpu = time.process_time()
        await asyncio.gather(*(self._timed() for _ in range(debates)))
        self.cpu_ms.append((time.process_time() - cpu) * 1000 / (debates * TURNS))

    async def _timed(self) -> None:
        began = time.perf_counter()
        await self.hold()
        self.took_seconds.append(time.perf_counter() - began)


@asynccontextmanager
async def product(url: str, folder: Path) -> AsyncIterator[Load]:
    """Debates as a client makes and starts them; followed by nobody."""
    async with running(settings_for(url, folder)) as app, client_of(app) as client:
        engine: RunEngine = app.state.engine
        engine.register(DebateExecutor(engine, SlowModel(), app.state.tools))
        scope = await engine.database.write(new_scope)
        client.headers["X-Workspace-Id"] = scope.workspace_id
        for number in range(AGENTS):
            await _post(client, "/api/agents", {"definition_slug": "assistant", "name": f"Agent {number}"})

        async def hold() -> None:
            await _held(engine, client, scope)

        yield Load(hold)


async def _held(engine: RunEngine, client: AsyncClient, scope: Scope) -> None:
    agents: list[Json] = [f"agent-{number}" for number in range(AGENTS)]
    rules: JsonObject = {"options": ["A", "B", "C"], "stop_if_unanimous_open": False}
    body: JsonObject = {
        "debate_topic": "Which of the three is it to be?",
        "problem_statement": _TEXT,
        "debate_mode": "freeform",
        "max_rounds": 2,
        "max_iterations_per_round": 1,
        "consensus_threshold": 1,
        "selected_agents": agents,
        "debate_rules": rules,
    }
    made = await _post(client, "/api/debate/initialize", body)
    await _post(client, f"/api/debate/{made['debate_id']}/control", {"action": "start"})
    run = await engine.wait(scope, str(made["run_id"]), 120)
    assert (run.status, run.round_count) == ("completed", 2), run.error_message


async def _post(client: AsyncClient, path: str, body: JsonObject) -> JsonObject:
    answer = await client.post(path, json=body)
    assert answer.is_success, answer.text
    made: JsonObject = answer.json()
    return made


@asynccontextmanager
async def floor(folder: Path) -> AsyncIterator[Load]:
    """Each turn a sleep and a commit of its text, five at once: no rules, prompts, checks, events, usage, recovery."""
    kept = Store(folder / "floor.db")

    async def turn(debate_id: str, number: int) -> None:
        await asyncio.sleep(CALL_SECONDS)
        await kept.write(
            lambda connection: connection.execute("insert into step values (?, ?, ?)", (debate_id, number, _TEXT))
        )

    async def hold() -> None:
        debate_id = new_id()
        for first in range(0, TURNS, AGENTS):
            await asyncio.gather(*(turn(debate_id, number) for number in range(first, first + AGENTS)))

    yield Load(hold)
    kept.close()


def measure(scale: float, database_server: str | None) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_measure(scale, database_server))


async def _measure(scale: float, database_server: str | None) -> None:
    debates = max(5, int(DEBATES * scale))
    with TemporaryDirectory(prefix="bench-debates-") as name, fresh_database(database_server, Path(name)) as url:
        async with product(url, Path(name)) as ours, floor(Path(name)) as theirs:
            for load in (theirs, ours):
                await load.hold()
            gc.collect()
            gc.freeze()
            gc.set_threshold(20_000, 20, 50)
            for _ in range(ROUNDS):
                for load in (theirs, ours):
                    await load.held_at_once(debates)
    on = "PostgreSQL" if database_server else "SQLite"
    title = f"{debates} debates of {AGENTS} agents at once, {TURNS} turns of {CALL_SECONDS * 1000:.0f} ms each, {on}"
    show(title, _figures(ours, theirs))


def _figures(ours: Load, theirs: Load) -> list[Figure]:
    return [
        Figure(
            name="CPU per turn beyond the model",
            unit="ms",
            measured=middle(ours.cpu_ms),
            floor=middle(theirs.cpu_ms),
            bar=BAR_MS,
        ),
        *(
            Figure(
                name=f"a debate from its making to its end, p{share * 100:.0f}",
                unit="s",
                measured=quantile(ours.took_seconds, share),
                floor=quantile(theirs.took_seconds, share),
            )
            for share in (0.5, 0.99)
        ),
    ]
