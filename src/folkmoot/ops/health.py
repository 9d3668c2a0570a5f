"""Asking the parts how they are, each within its time, so that a probe always gets an answer."""

import asyncio
import platform
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from time import perf_counter

from folkmoot import __version__
from folkmoot.kernel.errors import Problem, Unavailable
from folkmoot.kernel.json import Json
from folkmoot.ops.schemas import Dependency
from folkmoot.runtime import Runtime

PATIENCE_SECONDS = 2.0

_LIBRARIES = ("fastapi", "sqlalchemy", "pydantic", "uvicorn")


class NotReady(Unavailable):
    """Not ready"""


async def dependencies(runtime: Runtime) -> list[Dependency]:
    """The database, really asked, and the engine."""
    is_ending = runtime.hub.closed
    engine = Dependency(
        name="engine", ok=not is_ending, latency_ms=None, detail="The server is shutting down" if is_ending else None
    )
    return [await _asked("database", runtime.db.ping), engine]


async def _asked(name: str, ask: Callable[[], Awaitable[None]]) -> Dependency:
    began = perf_counter()
    try:
        await asyncio.wait_for(ask(), PATIENCE_SECONDS)
    except Problem as problem:
        return Dependency(name=name, ok=False, latency_ms=None, detail=problem.detail)
    except TimeoutError:
        return Dependency(name=name, ok=False, latency_ms=None, detail="No answer in time")
    return Dependency(name=name, ok=True, latency_ms=round((perf_counter() - began) * 1000, 3))


def check(found: list[Dependency]) -> None:
    """Raises NotReady, naming what failed."""
    failed: list[Json] = [dependency.name for dependency in found if not dependency.ok]
    if failed:
        raise NotReady(f"Not ready: {', '.join(str(name) for name in failed)}", failed=failed)


def versions() -> dict[str, str]:
    libraries = {name: version(name) for name in _LIBRARIES}
    return {"folkmoot": __version__, "python": platform.python_version(), **libraries}
