"""Tools of installed packages: named after their package, and a broken one stops the start."""

from importlib.metadata import EntryPoint

import pytest
from pydantic import BaseModel

from folkmoot.kernel.json import Json
from folkmoot.tools import loading
from folkmoot.tools.loading import ToolPackageFailed, load_tools
from folkmoot.tools.registry import Tool, ToolContext, ToolRegistry, typed_tool


class Nothing(BaseModel):
    """Do nothing."""


async def nothing(context: ToolContext, arguments: Nothing) -> Json:
    return {}


ONE = typed_tool("one", Nothing, nothing, effect="none", risk="read")
TWO = typed_tool("two", Nothing, nothing, effect="none", risk="write")
SEVERAL = [TWO]


def made() -> list[Tool]:
    return [ONE, TWO]


def broken() -> list[Tool]:
    raise ValueError("no weather today")


def load(patch: pytest.MonkeyPatch, *values: str) -> ToolRegistry:
    found = [EntryPoint(f"weather{n}", f"{__name__}:{value}", loading.GROUP) for n, value in enumerate(values)]
    patch.setattr(loading, "entry_points", lambda group: found)
    registry = ToolRegistry()
    load_tools(registry)
    return registry


def test_a_tool_a_list_or_a_function(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(monkeypatch, "ONE", "SEVERAL").names() == ("one", "two")
    registry = load(monkeypatch, "made")
    assert registry.names() == ("one", "two")
    assert registry.tool("one").source == "weather0"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("broken", "ValueError: no weather today"),
        ("missing", "AttributeError"),
        ("Nothing", "TypeError: it offers no tools"),
    ],
)
def test_a_broken_one_stops_the_start(monkeypatch: pytest.MonkeyPatch, value: str, why: str) -> None:
    with pytest.raises(ToolPackageFailed, match=f"entry point weather0 .*{why}"):
        load(monkeypatch, value)


def test_a_name_is_given_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ToolPackageFailed, match="weather1"):
        load(monkeypatch, "ONE", "made")
