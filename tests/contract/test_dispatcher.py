"""What every dispatcher owes the engine, in this process and over PostgreSQL; what only the latter can, at the end."""

import asyncio
from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest

from folkmoot.engine.dispatch import Dispatcher, Told
from folkmoot.engine.local import LocalDispatcher
from folkmoot.engine.queue import QueueDispatcher
from folkmoot.kernel.supervisor import Supervisor

Make = Callable[[int], Dispatcher]

KINDS = ("team", "reply")


def run(number: int | str, epoch: int = 0, kind: str = "team", priority: int = 0) -> Told:
    return Told(f"run {number}", epoch, kind, "workspace", priority)


@pytest.fixture
async def supervisor() -> AsyncIterator[Supervisor]:
    supervisor = Supervisor()
    yield supervisor
    await supervisor.stop()


@pytest.fixture
async def queues(own_postgres_url: str, supervisor: Supervisor) -> AsyncIterator[Make]:
    """Dispatchers of as many processes as are made, over one queue that is empty."""
    made = []

    def make(concurrency: int) -> Dispatcher:
        made.append(QueueDispatcher(own_postgres_url, supervisor, concurrency))
        return made[-1]

    yield make
    for dispatcher in made:
        await dispatcher.stop()
        await dispatcher.close()


@pytest.fixture(params=["local", pytest.param("queue", marks=pytest.mark.postgres)])
def make(request: pytest.FixtureRequest) -> Make:
    if request.param == "queue":
        queues: Make = request.getfixturevalue("queues")
        return queues
    supervisor: Supervisor = request.getfixturevalue("supervisor")
    return lambda concurrency: LocalDispatcher(supervisor, concurrency)


class Desk:
    """Notes what it is given and holds it until told to let go."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.taken: list[tuple[str, int]] = []
        self.let_go = asyncio.Event()
        self.arrived = asyncio.Condition()
        self.at_once = self.most_at_once = 0
        if is_open:
            self.let_go.set()

    async def work(self, told: Told) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.taken.append(told.key)
        async with self.arrived:
            self.arrived.notify_all()
        await self.let_go.wait()
        self.at_once -= 1

    async def has(self, number: int) -> None:
        async with asyncio.timeout(10), self.arrived:
            await self.arrived.wait_for(lambda: len(self.taken) >= number)


async def test_what_is_told_is_worked_on(make: Make) -> None:
    desk, dispatcher = Desk(), make(8)
    await dispatcher.start(desk.work, KINDS)
    for number in range(50):
        dispatcher.tell(run(number))
    await desk.has(50)
    assert {run_id for run_id, _ in desk.taken} == {f"run {number}" for number in range(50)}


async def test_a_pair_that_is_known_is_not_begun_twice(make: Make) -> None:
    desk, dispatcher = Desk(is_open=False), make(8)
    await dispatcher.start(desk.work, KINDS)
    for _ in range(3):
        dispatcher.tell(run("a", 1))
    dispatcher.tell(run("a", 2))
    await desk.has(2)
    dispatcher.tell(run("a", 1))
    dispatcher.tell(run("b", 1))
    await desk.has(3)
    assert sorted(desk.taken) == [("run a", 1), ("run a", 2), ("run b", 1)]


async def test_no_more_is_in_work_than_allowed(make: Make) -> None:
    desk, dispatcher = Desk(is_open=False), make(3)
    await dispatcher.start(desk.work, KINDS)
    for number in range(9):
        dispatcher.tell(run(number))
    await desk.has(3)
    desk.let_go.set()
    await desk.has(9)
    assert desk.most_at_once == 3


async def test_kinds_that_are_not_worked_here_are_left_alone(make: Make) -> None:
    desk, dispatcher = Desk(), make(8)
    await dispatcher.start(desk.work, ["reply"])
    dispatcher.tell(run("a", kind="team"))
    dispatcher.tell(run("b", kind="reply"))
    await desk.has(1)
    assert desk.taken == [("run b", 0)]


async def test_work_that_raises_takes_nothing_else_down(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    desk, dispatcher = Desk(), make(1)

    async def work(told: Told) -> None:
        if told.run_id == "run broken":
            raise ZeroDivisionError
        await desk.work(told)

    await dispatcher.start(work, KINDS)
    dispatcher.tell(run("broken"))
    dispatcher.tell(run("sound"))
    await desk.has(1)
    assert desk.taken == [("run sound", 0)]
    assert "broken" in caplog.text


async def test_after_stop_nothing_new_is_begun_and_what_is_in_work_goes_on(make: Make) -> None:
    desk, dispatcher = Desk(is_open=False), make(1)
    await dispatcher.start(desk.work, KINDS)
    dispatcher.tell(run("first"))
    dispatcher.tell(run("second"))
    await desk.has(1)
    await dispatcher.stop()
    assert desk.at_once == 1
    desk.let_go.set()
    again = Desk()
    await dispatcher.start(again.work, KINDS)
    dispatcher.tell(run("second"))
    await again.has(1)
    assert (desk.taken, again.taken) == ([("run first", 0)], [("run second", 0)])


@pytest.mark.postgres
async def test_told_in_one_process_and_worked_in_another(queues: Make) -> None:
    """The one that tells does not even work itself."""
    desk, here, there = Desk(), queues(8), queues(8)
    await there.start(desk.work, KINDS)
    for number in range(50):
        here.tell(run(number))
    await desk.has(50)
    assert len(set(desk.taken)) == 50


@pytest.mark.postgres
async def test_each_is_worked_in_one_process_only(queues: Make) -> None:
    desks, teller = [Desk(), Desk()], queues(8)
    for desk in desks:
        await queues(8).start(desk.work, KINDS)
    for number in range(200):
        teller.tell(run(number))
    async with asyncio.timeout(10):
        while sum(len(desk.taken) for desk in desks) < 200:  # noqa: ASYNC110 two desks, one end
            await asyncio.sleep(0.01)
    assert len({*desks[0].taken, *desks[1].taken}) == 200


@pytest.mark.postgres
async def test_the_urgent_comes_first_once_there_is_room(queues: Make) -> None:
    desk, there = Desk(is_open=False), queues(1)
    await there.start(desk.work, KINDS)
    there.tell(run("first"))
    await desk.has(1)
    for priority in (0, 1, 3, 2):
        there.tell(run(priority, priority=priority))
    await there.stop()
    desk.let_go.set()
    await there.start(desk.work, KINDS)
    await desk.has(5)
    assert [run_id for run_id, _ in desk.taken[1:]] == ["run 3", "run 2", "run 1", "run 0"]


@pytest.mark.postgres
async def test_a_process_that_stops_leaves_the_rest_to_others_at_once(queues: Make) -> None:
    busy, desk, here, there = Desk(is_open=False), Desk(), queues(2), queues(8)
    await here.start(busy.work, KINDS)
    for number in range(40):
        here.tell(run(number))
    await busy.has(2)
    await here.stop()
    here.tell(run("handed back", 1))
    await there.start(desk.work, KINDS)
    await desk.has(39)
    assert len({*busy.taken, *desk.taken}) == 41
    busy.let_go.set()


@pytest.mark.postgres
async def test_a_row_whose_taker_died_in_the_act_is_taken_again(queues: Make, own_postgres_url: str) -> None:
    desk, here = Desk(), queues(8)
    here.tell(run("a"))
    await here.close()
    connection = await asyncpg.connect(own_postgres_url)
    await connection.execute(
        "update folkmoot_pgqueuer set status = 'picked', queue_manager_id = gen_random_uuid(), "
        "heartbeat = now() - interval '6 seconds'"
    )
    await connection.close()
    await queues(8).start(desk.work, KINDS)
    await desk.has(1)
    assert desk.taken == [("run a", 0)]


@pytest.mark.postgres
async def test_connections_that_are_cut_are_made_again(queues: Make, own_postgres_url: str) -> None:
    desk, here, there = Desk(), queues(8), queues(8)
    await there.start(desk.work, KINDS)
    here.tell(run("before"))
    await desk.has(1)
    connection = await asyncpg.connect(own_postgres_url)
    await connection.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where datname = current_database() and pid <> pg_backend_pid()"
    )
    await connection.close()
    async with asyncio.timeout(10):
        while len(desk.taken) < 2:
            here.tell(run("after"))  # as the sweep does: what was told into a cut connection is lost
            await asyncio.sleep(0.1)
    assert desk.taken == [("run before", 0), ("run after", 0)]
