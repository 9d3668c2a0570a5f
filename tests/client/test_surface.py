"""The client covers the API: what is generated is fresh, and nothing of the server comes with it."""

import inspect
import subprocess
import sys

import pytest

from folkmoot.client.clients import AsyncFolkmoot, Folkmoot
from folkmoot.client.operations import Operations
from tests.house.operations import operations
from tests.house.source import ROOT, product
from tools.client import FOLLOWED, HOME, client_files

MAY_IMPORT = ("folkmoot.client", "folkmoot.kernel.errors", "folkmoot.kernel.ids", "folkmoot.kernel.json")
SERVER = ("fastapi", "starlette", "sqlalchemy", "uvicorn", "aiohttp", "folkmoot.app", "folkmoot.events")


def test_what_is_generated_is_fresh() -> None:
    files = client_files()
    assert [name for name, text in files.items() if (ROOT / name).read_text() != text] == [], "stale: make docs"
    generated = {f"{HOME}/operations.py", *files}
    folders = [path for folder in ("calls", "resources") for path in (ROOT / HOME / folder).glob("[!_]*.py")]
    assert {path.relative_to(ROOT).as_posix() for path in folders} - generated == set(), "nothing writes these any more"


@pytest.mark.parametrize("client", [Folkmoot, AsyncFolkmoot])
def test_every_operation_is_a_method(client: type[Folkmoot | AsyncFolkmoot]) -> None:
    assert [one.id for one in operations() if not hasattr(client, FOLLOWED.get(one.id, one.id))] == []


def test_a_method_looks_as_it_is_called() -> None:
    with Folkmoot() as client:
        assert list(inspect.signature(client.get_agent).parameters) == ["agent_id"]
        assert list(inspect.signature(client.follow_run).parameters) == ["run_id", "after"]
        assert client.list_runs.__doc__ == Operations.list_runs.__doc__
        assert "Newest first" in (client.list_runs.__doc__ or "")


def test_the_client_imports_nothing_of_the_server() -> None:
    strays = [
        f"{source.name}:{line} {name}"
        for source in product()
        if source.inside.startswith("client/")
        for name, line, _ in source.facts.imports
        if name.startswith("folkmoot.") and not name.startswith(MAY_IMPORT)
    ]
    assert strays == []


@pytest.mark.system
def test_the_client_loads_nothing_of_the_server() -> None:
    program = (
        "import sys, folkmoot.client as c; light = len(sys.modules); c.Folkmoot\n"
        f"print('httpx2' in sys.modules, light < 200, [name for name in {SERVER!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout == "True True []\n", done
