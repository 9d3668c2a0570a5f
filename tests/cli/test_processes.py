"""Real processes: Ctrl-C, kill -9, a server beside, a port that is taken, two commands over one file."""

import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from folkmoot.engine.holder import read_holder
from folkmoot.kernel.json import loads
from tests.cli.terminal import Terminal, process, until

pytestmark = pytest.mark.system

TASK = "Compare two ways to keep bees"


@pytest.fixture
def silent_model() -> Iterator[str]:
    """The address of a language model that takes every question and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"


def run_id_in(line: str) -> str:
    found = re.search(r"[0-9a-f-]{36}", line)
    assert found is not None, line
    return found[0]


def served_at(line: str) -> str:
    found = re.search(r"http://[\d.]+:\d+", line)
    assert found is not None, line
    return found[0]


def test_ctrl_c_cancels_the_run(terminal: Terminal, silent_model: str) -> None:
    with process(terminal.folder, "run", TASK, OPENAI_BASE_URL=silent_model) as started:
        run_id = run_id_in(until(started.stderr, "run "))
        until(started.stderr, "analysis by")
        started.send_signal(signal.SIGINT)
        assert started.wait(timeout=20) == 130
        assert started.stderr is not None
        assert "cancelled; run " in started.stderr.read()
    assert "status    cancelled" in terminal.type("runs", "show", run_id).out


def test_a_second_ctrl_c_leaves_at_once(terminal: Terminal, silent_model: str) -> None:
    with (
        process(terminal.folder, "serve", "--port", "0", OPENAI_BASE_URL=silent_model) as server,
        process(terminal.folder, "run", TASK, OPENAI_BASE_URL=silent_model) as started,
    ):
        until(started.stderr, "analysis by")
        server.send_signal(signal.SIGSTOP)
        started.send_signal(signal.SIGINT)
        until(started.stderr, "cancelling")
        started.send_signal(signal.SIGINT)
        assert started.wait(timeout=5) == 130


def test_sigterm_lets_go_and_resume_goes_on(terminal: Terminal, silent_model: str) -> None:
    with process(terminal.folder, "run", TASK, OPENAI_BASE_URL=silent_model) as started:
        run_id = run_id_in(until(started.stderr, "run "))
        until(started.stderr, "analysis by")
        started.send_signal(signal.SIGTERM)
        assert started.wait(timeout=30) == 143
    assert terminal.type("resume", run_id).code == 0


def test_resume_after_kill_9(terminal: Terminal, silent_model: str) -> None:
    with process(terminal.folder, "run", TASK, OPENAI_BASE_URL=silent_model) as started:
        run_id = run_id_in(until(started.stderr, "run "))
        until(started.stderr, "analysis by")
        started.kill()
        started.wait(timeout=20)
    assert "status    running" in terminal.type("runs", "show", run_id).out, "looking at a run starts nothing"
    printed = terminal.type("resume", run_id)
    assert printed.code == 0, printed
    assert printed.out.endswith(f"run {run_id}\n")


def test_a_run_whose_process_was_killed_can_be_cancelled(terminal: Terminal, silent_model: str) -> None:
    with process(terminal.folder, "run", TASK, OPENAI_BASE_URL=silent_model) as started:
        run_id = run_id_in(until(started.stderr, "run "))
        until(started.stderr, "analysis by")
        started.kill()
        started.wait(timeout=20)
    cancelled = terminal.type("runs", "cancel", run_id)
    assert cancelled.code == 0
    assert cancelled.out.startswith("cancelled")


def test_beside_a_server(terminal: Terminal) -> None:
    with process(terminal.folder, "serve", "--port", "0") as server:
        assert until(server.stdout, "Folkmoot").startswith("Folkmoot ")
        address = served_at(until(server.stdout, "address"))
        assert "folkmoot.db" in until(server.stdout, "database")
        assert "DEFAULT_MODEL" in until(server.stdout, "model")
        holder = read_holder(terminal.folder / "data")
        assert holder is not None
        assert holder.address == address
        printed = terminal.type("run", TASK)
        assert printed.code == 0, printed
        assert "status    completed" in terminal.type("runs", "show", run_id_in(printed.out.splitlines()[-1])).out

        second = terminal.type("serve", "--port", "0")
        assert second.code == 1
        assert f"answers at {address}" in second.err
        port = address.rpartition(":")[2]
        taken = terminal.type("serve", "--port", port)
        assert taken.code == 1
        assert f"Port {port} of 127.0.0.1 is in use" in taken.err

        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=15) == 0
    assert read_holder(terminal.folder / "data") is None


def test_whoever_comes_while_a_command_holds_the_data_says_so_and_waits(terminal: Terminal, silent_model: str) -> None:
    with process(terminal.folder, "run", TASK, OPENAI_BASE_URL=silent_model) as first:
        until(first.stderr, "analysis by")
        with process(terminal.folder, "serve", "--port", "0") as server:
            assert f"process {first.pid}" in until(server.stderr, "waiting for it")
            first.send_signal(signal.SIGINT)
            assert first.wait(timeout=20) == 130
            until(server.stdout, "address")


def test_make_demo_finds_its_files(terminal: Terminal) -> None:
    (terminal.folder / "README.md").write_text("# Folkmoot\n\nA crash loses nothing.\n")
    with process(
        terminal.folder, "run", "What does it promise about crashes?", "--file", "README.md", "--json"
    ) as started:
        out, err = started.communicate(timeout=60)
    told = loads(out)
    assert isinstance(told, dict), err
    assert started.returncode == 0
    assert Path(str(told["folder"])).name == told["run_id"]


def test_reload_starts_the_server_anew_when_a_source_changes(terminal: Terminal, unused_tcp_port: int) -> None:
    source = terminal.folder / "module.py"
    source.write_text("FIRST = 1\n")
    with process(terminal.folder, "serve", "--reload", "--port", str(unused_tcp_port)) as server:
        until(server.stderr, "folkmoot.life: Folkmoot")
        holder = read_holder(terminal.folder / "data")
        assert holder is not None
        assert holder.address == f"http://127.0.0.1:{unused_tcp_port}"
        assert terminal.type("runs", "list").code == 0, "commands find the server at that address"
        source.write_text("SECOND = 2\n")
        until(server.stderr, "Reloading")
        until(server.stderr, "folkmoot.life: Folkmoot")
