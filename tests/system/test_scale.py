"""`folkmoot bench scale` with real processes: figures come out, nothing stays, and a used database is left alone."""

import json
import os
import select
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.terminal import process, until
from tests.databases import postgres_database

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes and reads their figures in /proc"),
]


@pytest.fixture
def empty_database(postgres_server: str) -> Iterator[str]:
    with postgres_database(postgres_server, f"folkmoot_scale_{os.getpid()}") as url:
        yield url


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Where the bench puts what is its own, and where its processes work."""
    folder = tmp_path / "own"
    folder.mkdir()
    return folder


def at_work(folder: Path) -> set[int]:
    return {int(link.parent.name) for link in Path("/proc").glob("[0-9]*/cwd") if _leads_into(link, folder)}


def _leads_into(link: Path, folder: Path) -> bool:
    try:
        return str(link.readlink()).startswith(f"{folder}/")
    except OSError:  # gone meanwhile, or somebody else's
        return False


@pytest.mark.postgres
def test_two_workers_on_postgresql(tmp_path: Path, own: Path, empty_database: str) -> None:
    size = ("--workers", "2", "--workspaces", "3", "--runs", "24", "--seconds", "5")
    command = ("bench", "scale", *size, "--database", empty_database, "--json")
    with process(tmp_path, *command, TMPDIR=str(own)) as first:
        out, err = first.communicate(timeout=90)
    assert (first.returncode, err) == (0, "")
    told = json.loads(out)
    assert (told["workers"], told["workspaces"], told["not_completed"]) == (2, 3, 0)
    for name in ("runs", "runs_per_second", "events_per_second", "transactions_per_run", "seconds"):
        assert told[name] > 0, name
    for name in ("calm_start_ms", "start_ms", "calm_run_ms", "run_ms"):
        assert 0 < told[name]["p50"] <= told[name]["p99"], name
    for part in ("api", "workers"):
        assert told["cpu_ms_per_run"][part] > 0, part
    assert 0 < told["connections"]["most"] <= told["connections"]["allowed"]
    assert told["limit"]
    assert told["measured_with"]["database"].startswith("PostgreSQL ")
    assert (at_work(own), [*own.iterdir()]) == (set(), [])

    with process(tmp_path, *command, TMPDIR=str(own)) as second:
        out, _ = second.communicate(timeout=30)
    assert second.returncode == 1
    assert '"code":"target_not_empty"' in out


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_all_of_it(tmp_path: Path, own: Path, number: signal.Signals, code: int) -> None:
    with process(tmp_path, "bench", "scale", TMPDIR=str(own)) as started:
        until(started.stderr, "a second")
        assert at_work(own)
        started.send_signal(number)
        assert started.wait(timeout=30) == code
    assert (at_work(own), [*own.iterdir()]) == (set(), [])


def test_what_it_started_ends_also_when_it_is_killed(tmp_path: Path, own: Path) -> None:
    with process(tmp_path, "bench", "scale", TMPDIR=str(own)) as started:
        until(started.stderr, "a second")
        (server,) = at_work(own)
        watched = os.pidfd_open(server)
        started.kill()
        ended, _, _ = select.select([watched], [], [], 20)
        os.close(watched)
    assert ended
