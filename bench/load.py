"""The load generator, a process of its own: so many clients talk, each in conversations of so many turns."""

import asyncio
import gc
import json
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Literal

import uvloop

from bench.wire import Answer, Connection

_LIMIT_SECONDS = 120.0
_TEXT = "How does it go on from here, and what would you do first if it were yours to do? Turn {}."
_CONVERSATION = re.compile(rb'"conversation_id":\s*"([^"]+)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """`path` is an agent's door of the product or the floor (`message`) or of a language model (`model`)."""

    port: int
    path: str
    clients: int
    messages: int
    speaks: Literal["message", "model"] = "message"
    is_streamed: bool = False
    turns: int = 10
    key: str | None = None


@dataclass(slots=True)
class Report:
    """Latencies in ms; `cpu_seconds` are the generator's own."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    errors: int = 0
    first_error: str = ""

    def fail(self, sentence: str) -> None:
        self.errors += 1
        self.first_error = self.first_error or sentence


async def generate(load: Load) -> Report:
    report = Report()
    conversations = iter(range(max(1, load.messages // load.turns)))
    started, cpu = time.perf_counter(), time.process_time()
    async with asyncio.timeout(_LIMIT_SECONDS):
        await asyncio.gather(*(_client(load, conversations, report) for _ in range(load.clients)))
    report.seconds = time.perf_counter() - started
    report.cpu_seconds = time.process_time() - cpu
    return report


async def _client(load: Load, conversations: Iterator[int], report: Report) -> None:
    connection = await Connection.open(load.port, load.key)
    for _ in conversations:
        conversation = "new"
        for turn in range(load.turns):
            body = _body(load, conversation, turn)
            asked = time.perf_counter()
            try:
                answer = await connection.post(load.path, body)
            except ConnectionError as error:
                report.fail(str(error))
                connection = await Connection.open(load.port, load.key)
                break
            report.latencies.append((time.perf_counter() - asked) * 1000)
            found = _CONVERSATION.search(answer.body)
            if load.speaks == "message" and (not _is_good(load, answer) or found is None):
                report.fail(f"{answer.status} {answer.body[-300:].decode(errors='replace')}")
                break
            conversation = found[1].decode() if found else conversation
    connection.close()


def _body(load: Load, conversation: str, turn: int) -> bytes:
    text = _TEXT.format(turn)
    if load.speaks == "model":
        said = [{"role": "user", "content": text}]
        return json.dumps({"model": "stub-1", "messages": said, "stream": load.is_streamed}).encode()
    return json.dumps({"message": text, "conversation_id": conversation, "stream": load.is_streamed}).encode()


def _is_good(load: Load, answer: Answer) -> bool:
    return answer.status == 200 and (b"event: done" in answer.body or not load.is_streamed)


def main() -> None:
    load = Load(**json.load(sys.stdin))
    gc.freeze()
    gc.disable()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        json.dump(asdict(runner.run(generate(load))), sys.stdout)


if __name__ == "__main__":
    main()
