"""What it takes to tell many at once: deliveries a second, how late each is, and what silent subscribers cost."""

import json
import subprocess
from dataclasses import asdict

from bench.crowd import Crowd, Heard
from bench.figures import Figure, middle, quantile, show
from bench.processes import Watched, environment, module, process

SUBSCRIBERS = 200
ROUNDS = 3
SILENT = 20
LARGE, LARGE_BYTES = 1_200, 16_000
"""As many bytes as 300 of 64 KB, which no event holds: its data is cut at 16 KB."""
CALM_PER_SECOND = 20


def measure(scale: float) -> None:
    events = max(100, int(600 * scale) // 20 * 20)
    calm = max(40, int(10 * CALM_PER_SECOND * scale))
    rates: dict[str, list[float]] = {"product": [], "floor": []}
    late: dict[str, list[float]] = {"product": [], "floor": []}
    frame_bytes = 0.0
    with (
        process(module("bench.publishing", "floor")) as theirs,
        process(module("bench.publishing", "product")) as ours,
    ):
        for name, server in (("floor", theirs), ("product", ours)):
            _heard(Crowd(port=server.port, subscribers=SUBSCRIBERS, events=100))
            for _ in range(ROUNDS):
                busy = _heard(Crowd(port=server.port, subscribers=SUBSCRIBERS, events=events))
                rates[name].append(busy.deliveries / busy.seconds)
                frame_bytes = busy.bytes / busy.deliveries
                quiet = _heard(
                    Crowd(port=server.port, subscribers=SUBSCRIBERS, events=calm, per_second=CALM_PER_SECOND)
                )
                late[name].append(quantile(quiet.latencies, 0.99))
        grown = _grown(ours)
    show(
        f"fan-out, {SUBSCRIBERS} subscribers, frames of {frame_bytes:.0f} bytes",
        [
            Figure(
                name="deliveries",
                unit="per second",
                measured=middle(rates["product"]),
                floor=middle(rates["floor"]),
                bar=60_000,
                is_least=True,
            ),
            Figure(
                name=f"from the write to a subscriber, {CALM_PER_SECOND}/s, p99",
                unit="ms",
                measured=middle(late["product"]),
                floor=middle(late["floor"]),
                bar=20,
            ),
            Figure(name=f"{SILENT} silent while {LARGE} x 16 KB", unit="MB more", measured=grown, bar=100),
        ],
    )


def _heard(crowd: Crowd) -> Heard:
    done = subprocess.run(
        module("bench.crowd"),
        input=json.dumps(asdict(crowd)) + "\n",
        env=environment(),
        capture_output=True,
        check=True,
        text=True,
    )
    return Heard(**json.loads(done.stdout))


def _grown(server: Watched) -> float:
    """MB of memory while silent subscribers are connected and others have been told everything."""
    before = server.resident_mb()
    crowd = Crowd(port=server.port, subscribers=5, events=LARGE, size=LARGE_BYTES, silent=SILENT)
    pipe = subprocess.PIPE
    with subprocess.Popen(
        module("bench.crowd"), env=environment(), stdin=pipe, stdout=pipe, stderr=pipe, text=True
    ) as client:
        assert client.stdin is not None
        assert client.stderr is not None
        client.stdin.write(json.dumps(asdict(crowd)) + "\n")
        client.stdin.flush()
        assert client.stderr.readline() == "READ\n"
        grown = server.resident_mb() - before
        client.communicate("\n")
    return grown
