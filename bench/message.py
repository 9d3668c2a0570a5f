"""What one message costs: the product beside the floor, plain and streamed, with a language model that is free."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import Request, urlopen

from bench.databases import fresh_database
from bench.figures import Figure, middle, quantile, show
from bench.load import Load, Report
from bench.processes import Watched, environment, folkmoot, module, process
from folkmoot.kernel.json import JsonObject

CLIENTS = 16
ROUNDS = 3
_CHUNKS = 33


@dataclass(frozen=True, slots=True)
class Bars:
    """At most `cpu_ms` of the server per message, at least `per_second` messages at 16 clients."""

    cpu_ms: float
    per_second: float | None


@dataclass(slots=True)
class Talk:
    """A server and what was measured of it: per round CPU ms per message, messages/s; latencies by clients."""

    server: Watched
    path: str
    key: str | None = None
    cpu_ms: list[float] = field(default_factory=list)
    per_second: list[float] = field(default_factory=list)
    latencies: dict[int, list[float]] = field(default_factory=dict)
    errors: int = 0
    first_error: str = ""

    def measure(self, clients: int, messages: int, *, is_streamed: bool) -> None:
        cpu = self.server.cpu_seconds()
        report = fire(self.load(clients, messages, is_streamed=is_streamed))
        answered = max(1, len(report.latencies))
        if clients == CLIENTS:
            self.cpu_ms.append((self.server.cpu_seconds() - cpu) * 1000 / answered)
            self.per_second.append(answered / report.seconds)
        self.latencies.setdefault(clients, []).extend(report.latencies)
        self.errors += report.errors
        self.first_error = self.first_error or report.first_error

    def load(self, clients: int, messages: int, *, is_streamed: bool = False) -> Load:
        return Load(
            port=self.server.port,
            path=self.path,
            clients=clients,
            messages=messages,
            is_streamed=is_streamed,
            key=self.key,
        )

    def quantile(self, clients: int, share: float) -> float:
        return quantile(self.latencies.get(clients, ()), share)


def fire(load: Load) -> Report:
    """The load, from a process of its own."""
    done = subprocess.run(
        module("bench.load"),
        input=json.dumps(asdict(load)),
        env=environment(),
        capture_output=True,
        check=False,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"the load generator failed:\n{done.stderr[-2000:]}")
    return Report(**json.loads(done.stdout))


@contextmanager
def model() -> Iterator[Watched]:
    """A language model that answers at once."""
    with process(module("tests.stubs.openai_stub", "--chunks", str(_CHUNKS))) as stub:
        yield stub


@contextmanager
def product(model_port: int, database_server: str | None = None) -> Iterator[Talk]:
    """The product on a fresh database, with one agent, accounts, and an API key that every call has to show."""
    with TemporaryDirectory(prefix="bench-data-") as data, fresh_database(database_server, Path(data)) as url:
        settings = {
            "DATA_DIR": data,
            "DATABASE_URL": url,
            "OPENAI_BASE_URL": f"http://127.0.0.1:{model_port}/v1",
            "DEFAULT_MODEL": "openai:stub-1",
        }
        with process(folkmoot("serve", "--port", "0"), settings) as server:
            key = _new_key(server)
            yield Talk(server, f"/api/agents/{_new_agent(server, key)}/message", key)


@contextmanager
def floor(model_port: int) -> Iterator[Talk]:
    with process(module("bench.floor", "--model-port", str(model_port))) as server:
        yield Talk(server, "/api/agents/1/message")


def _new_key(server: Watched) -> str:
    """The API key of the first user: from here on nobody is let in without one."""
    login: JsonObject = {"email": "bench@example.org", "password": "as fast as it goes"}
    _post(server, "/api/register", login)
    token = str(_post(server, "/api/login", login)["access_token"])
    return str(_post(server, "/api/api-keys", {"name": "bench", "scopes": ["read", "write"]}, token)["key"])


def _new_agent(server: Watched, key: str) -> str:
    return str(_post(server, "/api/agents", {"definition_slug": "assistant"}, key)["id"])


def _post(server: Watched, path: str, body: JsonObject, key: str | None = None) -> JsonObject:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    request = Request(f"{server.address}{path}", json.dumps(body).encode(), headers)
    with urlopen(request, timeout=10) as answer:
        made: JsonObject = json.load(answer)
        return made


def measure(scale: float, database_server: str | None) -> None:
    """`scale` times the usual number of messages; the product on PostgreSQL where a server's URL is given."""
    on = "PostgreSQL" if database_server else "SQLite"
    bars = Bars(5, 200) if database_server else Bars(3, 300)
    _table(f"message, plain, {on}", bars, scale, database_server, is_streamed=False)
    _table(f"message, streamed, {on}", Bars(6, None), scale, database_server, is_streamed=True)


def _table(title: str, bars: Bars, scale: float, database_server: str | None, *, is_streamed: bool) -> None:
    def many(messages: int) -> int:
        return max(100, int(messages * scale))

    with ExitStack() as stack:
        stub = stack.enter_context(model())
        ours = stack.enter_context(product(stub.port, database_server))
        theirs = stack.enter_context(floor(stub.port))
        for talk in (theirs, ours):
            fire(talk.load(CLIENTS, many(400)))
        for _ in range(ROUNDS):
            for talk in (theirs, ours):
                talk.measure(CLIENTS, many(1600), is_streamed=is_streamed)
        for clients, messages in ((1, 400), (64, 2560), (256, 2560)):
            for talk in (theirs, ours):
                talk.measure(clients, many(messages), is_streamed=is_streamed)
        direct = Load(
            port=stub.port,
            path="/v1/chat/completions",
            clients=1,
            messages=many(400),
            speaks="model",
            is_streamed=is_streamed,
        )
        alone = quantile(fire(direct).latencies, 0.5)
    show(title, _figures(ours, theirs, bars, alone))
    for name, talk in (("the product", ours), ("the floor", theirs)):
        if talk.errors:
            print(f"  {talk.errors} errors of {name}, the first: {talk.first_error}")


def _figures(ours: Talk, theirs: Talk, bars: Bars, alone: float) -> list[Figure]:
    """`alone`: what the language model takes by itself, p50 in ms at one client."""

    def both(name: str, unit: str, figure: Callable[[Talk], float], bar: float | None = None) -> Figure:
        return Figure(name=name, unit=unit, measured=figure(ours), floor=figure(theirs), bar=bar)

    figures = [
        both("server CPU per message", "ms", lambda talk: middle(talk.cpu_ms), bars.cpu_ms),
        Figure(
            name=f"messages at {CLIENTS} clients",
            unit="per second",
            measured=middle(ours.per_second),
            floor=middle(theirs.per_second),
            bar=bars.per_second,
            is_least=True,
        ),
        both("1 client, p50 over the model", "ms", lambda talk: talk.quantile(1, 0.5) - alone, 5),
    ]
    for clients in (CLIENTS, 64, 256):
        bar = None if clients == 256 else 3 * ours.quantile(clients, 0.5)
        figures.append(both(f"{clients} clients, p50", "ms", partial(Talk.quantile, clients=clients, share=0.5)))
        figures.append(both(f"{clients} clients, p99", "ms", partial(Talk.quantile, clients=clients, share=0.99), bar))
    figures.append(both("errors at up to 256 clients", "messages", lambda talk: talk.errors, 0))
    return figures
