"""Tasks have an owner: it keeps them, reports them, and ends them."""

import asyncio
import logging

import pytest

from folkmoot.kernel.supervisor import Supervisor


async def test_a_task_that_raises_is_logged_and_hurts_no_other(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise ValueError("spilled milk")

    async def succeed() -> int:
        await asyncio.wait({failing})
        return 7

    supervisor = Supervisor()
    failing = supervisor.start(fail(), "the clumsy one")
    with caplog.at_level(logging.ERROR):
        assert await supervisor.start(succeed(), "the careful one") == 7

    [record] = caplog.records
    assert "the clumsy one" in record.getMessage()
    assert record.exc_info is not None
    await supervisor.stop()


async def test_stopping_waits_until_all_have_cleaned_up() -> None:
    cleaned = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append(1)

    supervisor = Supervisor()
    for number in range(3):
        supervisor.start(work(), f"worker {number}")
    await asyncio.sleep(0)
    await supervisor.stop()

    assert cleaned == [1, 1, 1]


async def test_a_task_may_stop_its_own_supervisor() -> None:
    supervisor = Supervisor()
    other = supervisor.start(asyncio.Event().wait(), "the other one")
    await supervisor.start(supervisor.stop(), "the one that ends all")
    assert other.cancelled()
