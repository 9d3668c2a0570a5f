"""What one process tells every other hears, in order; a relay that was gone comes back and says so."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from folkmoot.events.couriers import PostgresCourier, RedisCourier
from folkmoot.events.relay import ServerRelay
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.supervisor import Supervisor

Make = Callable[[], ServerRelay]


def _redis() -> ServerRelay:
    return ServerRelay(new_id(), RedisCourier(os.environ.get("FOLKMOOT_TEST_REDIS") or "redis://127.0.0.1:6379/0"))


@pytest.fixture(
    params=[
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("redis", marks=pytest.mark.redis),
    ]
)
def make(request: pytest.FixtureRequest) -> Make:
    if request.param == "redis":
        return _redis
    url = str(request.getfixturevalue("postgres_url"))
    return lambda: ServerRelay(new_id(), PostgresCourier(url))


class Ear:
    """What was heard, and waiting for it."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.news = asyncio.Event()

    def __call__(self, text: str) -> None:
        self.texts.append(text)
        self.news.set()

    async def hears(self, *texts: str) -> None:
        async with asyncio.timeout(10):
            while [text for text in self.texts if text] != list(texts):
                self.news.clear()
                await self.news.wait()

    async def hears_that_it_may_have_missed(self, times: int) -> None:
        async with asyncio.timeout(10):
            while self.texts.count("") < times:
                self.news.clear()
                await self.news.wait()


@asynccontextmanager
async def started(*relays: ServerRelay) -> AsyncIterator[None]:
    supervisor, installation = Supervisor(), new_id()
    ears = [Ear() for _ in relays]
    for relay, ear in zip(relays, ears, strict=True):
        relay.listen("ready", ear)
        relay.start(supervisor, installation)
    for ear in ears:
        await ear.hears_that_it_may_have_missed(1)
    yield
    for relay in relays:
        await relay.stop()
    await supervisor.stop()


async def test_others_hear_in_order_and_the_teller_does_not(make: Make) -> None:
    here, there = make(), make()
    mine, theirs = Ear(), Ear()
    here.listen("words", mine)
    there.listen("words", theirs)
    async with started(here, there):
        for word in ("a", "b", "a", "b"):
            here.tell("words", word)
        await theirs.hears("a", "b", "a", "b")
        there.tell("words", "c")
        await mine.hears("c")


async def test_a_wake_that_waits_is_not_said_twice(make: Make) -> None:
    here, there = make(), make()
    theirs = Ear()
    there.listen("words", theirs)
    async with started(here, there):
        for _ in range(1000):
            here.tell("words", "wake", once=True)
        here.tell("words", "end")
        await theirs.hears("wake", "end")


async def test_a_topic_begun_and_ended_while_connected(make: Make) -> None:
    here, there = make(), make()
    late, last = Ear(), Ear()
    async with started(here, there):
        there.listen("late", late)
        there.listen("last", last)
        async with asyncio.timeout(10):
            while not late.texts:
                here.tell("late", "now")
                await asyncio.sleep(0)
        there.forget("late")
        here.tell("last", "heard")
        await last.hears("heard")


async def test_installations_do_not_hear_each_other(make: Make) -> None:
    here, there, stranger = make(), make(), make()
    theirs, strangers = Ear(), Ear()
    there.listen("words", theirs)
    stranger.listen("words", strangers)
    async with started(here, there), started(stranger):
        here.tell("words", "secret")
        await theirs.hears("secret")
    assert [text for text in strangers.texts if text] == []


async def test_more_than_it_can_keep_is_dropped_and_nothing_waits(make: Make) -> None:
    here = make()
    here.tell("words", "before it is connected")
    async with started(here):
        for number in range(20_000):
            here.tell("words", str(number))
