"""Two agents that are told to call upon each other every time: each cap alone ends it, and it stays ended."""

import asyncio
from decimal import Decimal
from pathlib import Path

import aiohttp
import pytest

from folkmoot.kernel.json import JsonObject, dumps
from folkmoot.kernel.settings import ModelPrice
from tests.databases import new_scope
from tests.rooms.lounge import Lounge
from tests.serving import client_of, running, settings_for
from tests.system.parlour import MODEL, Parlour, Talkers
from tests.system.server import Api, server

PRICE = 1000
"""US dollars per million tokens, of which an answer takes 12 in and 7 out: 1.9 cents."""

FREE: JsonObject = {"mention_depth": 10, "monologue_limit": 100}
LINES = ("@ada, begin", "@ada, again")

CAPS: dict[str, tuple[JsonObject, str]] = {
    "PairDefaults": ({}, "-ABA-ABA"),
    "PairDepth1": ({**FREE, "mention_depth": 1}, "-AB-AB"),
    "PairDepth2": ({**FREE, "mention_depth": 2}, "-ABA-ABA"),
    "PairDepth5": ({**FREE, "mention_depth": 5}, "-ABABAB-ABABAB"),
    "PairMonologue1": ({**FREE, "monologue_limit": 1}, "-A-A"),
    "PairMonologue4": ({**FREE, "monologue_limit": 4}, "-ABAB-ABAB"),
    "PairCooldown": ({**FREE, "cooldown_seconds": 3600}, "-AB-A"),
    "PairTokens": ({**FREE, "budget": {"tokens": 50}}, "-ABA-"),
    "PairDollars": ({**FREE, "budget": {"usd": "0.05"}}, "-ABA-"),
    "PairEager": ({}, "-ABA-ABA"),
    "PairEagerMonologue7": ({"monologue_limit": 7}, "-ABABABA-ABABABA"),
    "PairEagerCooldown": ({"cooldown_seconds": 3600, "monologue_limit": 100}, "-AB-A"),
    "PairEagerTokens": ({"budget": {"tokens": 70}, "monologue_limit": 100}, "-ABAB-"),
}
"""By the name of the room its settings, and who speaks. Whoever is eager answers whatever is said to anybody as well,
so that what ends agents calling upon each other does not end it.
"""


def frequency(room: str) -> float:
    return 1.0 if room.startswith("PairEager") else 0.0


@pytest.fixture
def database_url(own_database_url: str) -> str:
    return own_database_url


async def test_each_cap_ends_it(database_url: str, tmp_path: Path) -> None:
    price = ModelPrice(input=Decimal(PRICE), output=Decimal(PRICE))
    async with Talkers() as model:
        known = {"default_model": MODEL, "openai_base_url": model.base_url, "model_prices": {MODEL: price}}
        settings = settings_for(database_url, tmp_path).model_copy(update=known)
        async with running(settings) as app, client_of(app) as client:
            lounge = await Lounge(app, client, await app.state.runtime.db.write(new_scope)).furnish()
            for name, (caps, letters) in CAPS.items():
                room = await lounge.open("Ada", "Bea", name=name, settings=caps, ai_frequency=frequency(name))
                for line in LINES:
                    await lounge.say(room, line)
                    await lounge.quiet(room)
                assert "".join(one[0] for one in await lounge.speakers(room)) == letters, name


async def test_each_cap_ends_it_at_a_server(database_url: str, tmp_path: Path) -> None:
    """In all rooms at once."""
    async with (
        Talkers() as model,
        server(
            tmp_path,
            DATABASE_URL=database_url,
            OPENAI_BASE_URL=model.base_url,
            DEFAULT_MODEL=MODEL,
            MODEL_PRICES=dumps({MODEL: {"input": PRICE, "output": PRICE}}),
        ) as served,
        aiohttp.ClientSession() as http,
    ):
        parlour = Parlour(Api(served, http))
        ids = {id: name[0] for name, id in (await parlour.hire()).items()}

        async def one(name: str, caps: JsonObject) -> str:
            room_id = await parlour.open(name, {"ada": {}, "bea": {}}, settings=caps, ai_frequency=frequency(name))
            for line in LINES:
                await parlour.say(room_id, line)
                await parlour.quiet(room_id)
            return "".join(ids.get(author, "-") for _, author, _ in await parlour.said(room_id))

        found = await asyncio.gather(*(one(name, caps) for name, (caps, _) in CAPS.items()))
        assert dict(zip(CAPS, found, strict=True)) == {name: letters for name, (_, letters) in CAPS.items()}
        assert "Traceback" not in served.log()
