"""Debates at a real server, and a model server whose debaters always answer the same question alike."""

import asyncio
import json
import re
from hashlib import sha256
from typing import Any

from aiohttp import web

from folkmoot.kernel.json import Json, JsonObject, loads
from tests.stubs.openai_stub import OpenAIStub, Reply
from tests.system.jobs import rows
from tests.system.server import Api

NAMES = ("Ada", "Bea", "Cyn", "Dov", "Eli")
OPTIONS = ("A", "B", "C")
MODEL = "openai:stub-1"
ENDED = {"consensus_reached", "completed", "stopped", "failed"}


class Jury(OpenAIStub):
    """`asked` are the marks of the questions, in their order.

    A mark is a number between 0 and 1 made of all that was said to the model. It is the answer's confidence, which the
    journal keeps: so it can be told which answers are recorded.
    """

    def __init__(self, delay_ms: float = 0) -> None:
        super().__init__(self._reply, delay_ms=delay_ms, keep_calls=False)
        self.asked: list[float] = []
        self._held = 0
        self._reached, self._goes_on = asyncio.Event(), asyncio.Event()

    def hold(self, call: int) -> None:
        """Begin to count anew, and leave the call of that number without its answer, from 1."""
        self.asked = []
        self._held = call
        self._reached.clear()
        self._goes_on.clear()

    async def reached(self) -> None:
        async with asyncio.timeout(30):
            await self._reached.wait()

    def go_on(self) -> None:
        self._goes_on.set()

    async def answer(self, request: web.Request, body: JsonObject, *, is_streamed: bool) -> web.StreamResponse:
        self.asked.append(mark_of(body))
        if len(self.asked) == self._held:
            self._reached.set()
            await self._goes_on.wait()
        return await super().answer(request, body, is_streamed=is_streamed)

    def _reply(self, body: JsonObject) -> Reply:
        return Reply(text=json.dumps(form(body)))


def form(body: JsonObject) -> JsonObject:
    """A turn or a ballot: everybody holds on to its position, but Cyn, whom the first argument it sees convinces."""
    said = _said(body)
    held = re.search(r"## Your position\\n(\w)", said)
    own = re.search(r"You argue for (\w)", said)
    assert own is not None, said
    position = held[1] if held else own[1]
    known: JsonObject = {"position": position, "confidence": mark_of(body)}
    if is_ballot(body):
        return known
    moves = "You are Cyn" in said and "## Statements" in said and position != OPTIONS[0]
    because = "A was argued better" if moves else ""
    known |= {"position": OPTIONS[0]} if moves else {}
    return {**known, "text": f"For {position}.", "changed_because": because, "pass": False}


def is_ballot(body: JsonObject) -> bool:
    wanted = body["response_format"]
    return "ballot" in json.dumps(wanted).lower()


def mark_of(body: JsonObject) -> float:
    digits = int(sha256(_said(body).encode()).hexdigest()[:12], 16) % 900_000
    return round(0.05 + digits / 1_000_000, 6)


def _said(body: JsonObject) -> str:
    return json.dumps(body["messages"], sort_keys=True)


class Hall:
    """Makes debates at a server and follows them."""

    def __init__(self, api: Api) -> None:
        self.api = api

    async def furnish(self) -> None:
        """An agent for each of the names; they argue for A, B, C, A and B."""
        for number, name in enumerate(NAMES):
            told = f"You are {name}. You argue for {OPTIONS[number % len(OPTIONS)]}."
            body: JsonObject = {"definition_slug": "assistant", "name": name, "config": {"instructions": told}}
            assert "id" in await self._post("/api/agents", body)

    async def begin(self, agents: int = 3, /, **given: Json) -> str:
        """A debate that is under way: two rounds of one iteration unless told otherwise. Its id."""
        body: JsonObject = {
            "debate_topic": "Which one?",
            "problem_statement": "One of them it has to be.",
            "debate_mode": "structured",
            "max_rounds": 2,
            "max_iterations_per_round": 1,
            "consensus_threshold": 1.0,
            "selected_agents": [name.lower() for name in NAMES[:agents]],
            "debate_rules": {"options": [*OPTIONS], "seed": 7},
            **given,
        }
        made = await self._post("/api/debate/initialize", body)
        debate_id = str(made["debate_id"])
        await self.control(debate_id, "start")
        return debate_id

    async def control(self, debate_id: str, action: str) -> None:
        assert "status" in await self._post(f"/api/debate/{debate_id}/control", {"action": action})

    async def until(self, debate_id: str, *statuses: str, seconds: float = 60) -> str:
        """The first of these statuses that it has."""
        async with asyncio.timeout(seconds):
            while True:
                debate = await self.api.get(f"/api/debates/{debate_id}")
                if debate is not None and debate["status"] in statuses:
                    return str(debate["status"])
                await asyncio.sleep(0.02)

    async def report(self, debate_id: str, seconds: float = 60) -> JsonObject:
        """Once it has ended."""
        await self.until(debate_id, *ENDED, seconds=seconds)
        report = await self.api.get(f"/api/debates/{debate_id}/report")
        assert report is not None
        return report

    async def _post(self, path: str, body: JsonObject) -> JsonObject:
        answer = await self.api.post(path, body)
        assert answer is not None
        assert "code" not in answer, answer
        return answer


async def recorded(url: str, debate_id: str) -> set[float]:
    """The marks of the answers that the journal of a debate holds."""
    statement = (
        "select j.data from run_journal j join debates d on d.run_id = j.run_id "
        f"where d.id = '{debate_id}' and j.kind = 'done'"
    )
    found = set()
    for (data,) in await rows(url, statement):
        entry: Any = loads(data) if isinstance(data, str) else data
        found.add(float(entry["value"]["output"]["confidence"]))
    return found
