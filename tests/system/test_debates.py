"""Debates at real servers: killed and paused at any turn, asked of models that answer nonsense, and many at once."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from folkmoot.kernel.json import Json, JsonObject
from tests.stubs.openai_stub import OpenAIStub, Reply
from tests.system.jury import ENDED, MODEL, Hall, Jury, form, is_ballot, mark_of, recorded
from tests.system.server import Api, Server, server

CALLS = 12
"""Of three agents in two rounds, in phases: the opening, ballots, one turn each, ballots."""
PHASES = {"opening": (1, 2, 3), "ballots": (4, 5, 6), "turns": (7, 8, 9), "last ballots": (10, 11, 12)}


@pytest.fixture
def database_url(own_database_url: str) -> str:
    return own_database_url


@asynccontextmanager
async def hall(folder: Path, url: str, model: OpenAIStub) -> AsyncIterator[tuple[Hall, Server]]:
    async with (
        server(folder, OPENAI_BASE_URL=model.base_url, DEFAULT_MODEL=MODEL, DATABASE_URL=url) as served,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as http,
    ):
        made = Hall(Api(served, http))
        await made.furnish()
        yield made, served
        assert "Traceback" not in served.log()


async def unbroken(debates: Hall, jury: Jury) -> tuple[Json, set[float]]:
    """The hash of its report, and all that is asked in it."""
    jury.hold(0)
    report = await debates.report(await debates.begin())
    assert (report["status"], report["stop_reason"]) == ("completed", "max_rounds")
    assert len(jury.asked) == len(set(jury.asked)) == CALLS
    moved = report["moved"]
    assert isinstance(moved, list)
    assert len(moved) == 1
    return report["hash"], set(jury.asked)


@pytest.mark.parametrize("phase", PHASES)
async def test_a_debate_killed_at_any_turn_has_the_same_report(tmp_path: Path, database_url: str, phase: str) -> None:
    first, *_, last = PHASES[phase]
    async with Jury() as jury, hall(tmp_path, database_url, jury) as (debates, served):
        whole, questions = await unbroken(debates, jury)
        for call in PHASES[phase]:
            jury.hold(call)
            debate_id = await debates.begin()
            await jury.reached()
            await served.kill()
            jury.go_on()
            known, before = await recorded(database_url, debate_id), len(jury.asked)
            await served.start()
            assert first - 1 <= len(known) < last, "others of its phase may be answered beside the one held"
            assert jury.asked[call - 1] not in known
            assert (await debates.report(debate_id))["hash"] == whole
            assert not known & set(jury.asked[before:]), "a finished turn is not asked for again"
            assert set(jury.asked) == await recorded(database_url, debate_id) == questions


async def test_a_debate_paused_at_any_turn_has_the_same_report(tmp_path: Path, database_url: str) -> None:
    async with Jury() as jury, hall(tmp_path, database_url, jury) as (debates, _):
        whole, questions = await unbroken(debates, jury)
        pauses = 0
        for call in range(1, CALLS + 1):
            jury.hold(call)
            debate_id = await debates.begin()
            await jury.reached()
            await debates.control(debate_id, "pause")
            jury.go_on()
            if await debates.until(debate_id, "paused", *ENDED) == "paused":
                pauses += 1
                assert set(jury.asked) == await recorded(database_url, debate_id), "nothing is asked while it rests"
                await debates.control(debate_id, "resume")
            assert (await debates.report(debate_id))["hash"] == whole
            assert len(jury.asked) == CALLS
            assert set(jury.asked) == questions
        assert pauses >= CALLS - 3, "only the last ballots end it before it can rest"


def nonsense(body: JsonObject) -> Reply:
    """Much of what models have been seen to answer, by what they are asked; now and then it fits."""
    good = form(body)
    bad: list[JsonObject] = [
        {**good, "confidence": 871},
        {**good, "confidence": -1e308},
        {**good, "confidence": float("nan")},
        {**good, "confidence": "very", "position": ["A", "B"]},
        {**good, "position": "none of these"},
        {**good, "position": ""},
        {**good, "text": "x" * 1_000_000},
        {**good, "responds_to": ["@Z"] * 5_000, "evidence": ["made up"], "agreement": {"Z": 7}},
        {"turn": good},
        {},
    ]
    texts = [json.dumps(one) for one in bad]
    whole = json.dumps(good)
    replies = [
        *(Reply(text=text) for text in texts),
        Reply(text=whole[: len(whole) // 2], finish="length"),
        Reply(text=whole[: len(whole) // 2]),
        Reply(text="", finish="stop"),
        Reply(text="null"),
        Reply(text="[" * 5_000),
        Reply(text="\ud800 \x00"),
        Reply(text=whole, finish="content_filter"),
        Reply(text=whole, breaks="reset"),
        Reply(raw=b"<html>busy</html>"),
        Reply(calls=tuple((f"tool_{number}", "{") for number in range(13)), finish="tool_calls"),
    ]
    number = int(mark_of(body) * 1_000_000) % (2 * len(replies))
    return replies[number] if number < len(replies) else Reply(text=whole)


async def test_models_that_answer_nonsense_end_debates_with_abstentions(tmp_path: Path, sqlite_url: str) -> None:
    modes = ("structured", "freeform", "autonomous")
    async with OpenAIStub(nonsense, keep_calls=False) as model, hall(tmp_path, sqlite_url, model) as (debates, _):
        begun = [
            await debates.begin(5, debate_mode=mode, debate_topic=f"Which one, {number}?", max_rounds=3)
            for number in range(4)
            for mode in modes
        ]
        reports = await asyncio.gather(*(debates.report(debate_id, 180) for debate_id in begun))
    outcomes: Counter[str] = Counter()
    for report in reports:
        assert report["stop_reason"] in ("no_quorum", "max_rounds", "stable_disagreement", "consensus")
        transcript = report["transcript"]
        assert isinstance(transcript, list)
        outcomes.update(str(line["outcome"]) for line in transcript if isinstance(line, dict))
        for line in transcript:
            assert isinstance(line, dict)
            assert line["outcome"] != "abstained" or line["detail"], "it says why"
            assert line["confidence"] is None or 0 <= float(str(line["confidence"])) <= 1
            assert line["position"] in (None, "A", "B", "C")
    assert min(outcomes["abstained"], outcomes["said"]) > len(begun)


async def test_a_model_that_never_answers_is_cut_off(tmp_path: Path, sqlite_url: str) -> None:
    def script(body: JsonObject) -> Reply:
        hangs = "You are Bea" in json.dumps(body["messages"]) and not is_ballot(body)
        return Reply(text=json.dumps(form(body)), breaks="hang_before" if hangs else None)

    async with OpenAIStub(script, keep_calls=False) as model, hall(tmp_path, sqlite_url, model) as (debates, _):
        report = await debates.report(await debates.begin(max_rounds=1, time_limit_per_argument=10))
    transcript = report["transcript"]
    assert isinstance(transcript, list)
    told = {str(line["name"]): line["outcome"] for line in transcript if isinstance(line, dict)}
    assert told == {"Ada": "said", "Bea": "timed_out", "Cyn": "said"}


async def test_fifty_debates_of_five_agents_at_once_all_end(tmp_path: Path, database_url: str) -> None:
    async with Jury(delay_ms=50) as jury, hall(tmp_path, database_url, jury) as (debates, _):
        begun = await asyncio.gather(*(debates.begin(5, debate_mode="freeform") for _ in range(50)))
        reports = await asyncio.gather(*(debates.report(debate_id, 120) for debate_id in begun))
    assert {report["stop_reason"] for report in reports} == {"max_rounds"}
    assert len({str(report["hash"]) for report in reports}) == 1, "the same debate, whatever else is going on"
    assert len(jury.asked) == 50 * 4 * 5
