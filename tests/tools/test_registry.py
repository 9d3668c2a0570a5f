"""A tool call always has an answer, and whatever a tool does stays behind this border."""

import asyncio
from pathlib import Path

import pytest
from pydantic import BaseModel, Field

from folkmoot.db.connect import connect
from folkmoot.kernel.errors import Conflict
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.kernel.scope import SYSTEM, Scope
from folkmoot.tools.registry import (
    RESULT_BYTES,
    Tool,
    ToolContext,
    ToolRegisteredTwice,
    ToolRegistry,
    UnknownTool,
    typed_tool,
)


class Order(BaseModel):
    """Order something."""

    what: str = Field(max_length=10, description="The thing")
    title: int = Field(default=1, ge=1)


class OutOfStock(Conflict):
    """Nothing of it is left"""


@pytest.fixture
def context(tmp_path: Path) -> ToolContext:
    scope = Scope(workspace_id=new_id(), project_id=new_id(), actor=SYSTEM)
    return ToolContext(scope=scope, db=connect(f"sqlite:///{tmp_path}/unopened.db"), idempotency_key="run:call")


async def order(context: ToolContext, arguments: Order) -> Json:
    match arguments.what:
        case "sold out":
            raise OutOfStock
        case "bug":
            raise KeyError("secret of the server")
        case "own limit":
            raise TimeoutError
        case "slow":
            await asyncio.Event().wait()
        case "long":
            return "é" * RESULT_BYTES
        case "nul":
            return "a\x00b\ud800"
    return {"what": arguments.what, "title": arguments.title, "key": context.idempotency_key}


ORDER = typed_tool("order", Order, order, effect="idempotent", risk="write")


def registry() -> ToolRegistry:
    return ToolRegistry([ORDER], limit_seconds=0.05)


def test_the_schema_follows_from_the_type_of_the_arguments() -> None:
    (schema,) = registry().schemas(["order"])
    assert (schema.name, schema.description) == ("order", "Order something.")
    assert schema.parameters == {
        "type": "object",
        "properties": {
            "what": {"type": "string", "maxLength": 10, "description": "The thing"},
            "title": {"type": "integer", "default": 1, "minimum": 1},
        },
        "required": ["what"],
    }


async def test_a_call_is_answered_as_json(context: ToolContext) -> None:
    answer = await registry().use(context, "order", {"what": "tea"})
    assert answer == {"text": '{"what":"tea","title":1,"key":"run:call"}', "is_error": False}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "what: Field required"),
        ({"what": "x" * 11}, "what: String should have at most 10 characters"),
        ({"what": "tea", "title": 0}, "title: Input should be greater than or equal to 1"),
        ({"_malformed": "{{{"}, "what: Field required"),
        ({"what": "sold out"}, "Nothing of it is left"),
        ({"what": "bug"}, "The tool failed"),
        ({"what": "slow"}, "The tool did not answer within 0.05 seconds"),
    ],
)
async def test_what_goes_wrong_is_the_answer(context: ToolContext, arguments: JsonObject, says: str) -> None:
    answer = await registry().use(context, "order", arguments)
    assert answer["is_error"] is True
    assert says in str(answer["text"])
    assert "secret" not in str(answer["text"])


async def test_a_tools_own_timeout_is_its_failure(context: ToolContext) -> None:
    answer = await registry().use(context, "order", {"what": "own limit"})
    assert answer == {"text": "The tool failed", "is_error": True}


async def test_only_a_cancel_is_raised(context: ToolContext) -> None:
    use = asyncio.create_task(ToolRegistry([ORDER]).use(context, "order", {"what": "slow"}))
    await asyncio.sleep(0)
    use.cancel()
    with pytest.raises(asyncio.CancelledError):
        await use


async def test_an_answer_is_capped_and_clean(context: ToolContext) -> None:
    long = str((await registry().use(context, "order", {"what": "long"}))["text"])
    assert long.endswith(f"[cut: the first {RESULT_BYTES} of {2 * RESULT_BYTES} bytes]")
    assert len(long.encode()) < RESULT_BYTES + 100
    assert (await registry().use(context, "order", {"what": "nul"}))["text"] == "ab?"


async def test_a_tool_that_was_not_offered_is_not_there(context: ToolContext) -> None:
    both = registry()
    unknown = await both.use(context, "rm", {})
    assert unknown == {"text": "There is no such tool here. Tools: order", "is_error": True}
    narrowed = ToolContext(scope=context.scope, db=context.db, offered=())
    assert (await both.use(narrowed, "order", {"what": "tea"}))["is_error"] is True
    assert both.effect("rm") == "none"
    assert both.effect("order") == "idempotent"


def test_names_are_known_and_given_once() -> None:
    with pytest.raises(UnknownTool):
        registry().schemas(["rm"])
    with pytest.raises(ToolRegisteredTwice):
        registry().register(ORDER)


async def test_a_tool_without_a_type_checks_its_arguments_itself(context: ToolContext) -> None:
    async def echo(_: ToolContext, arguments: JsonObject) -> Json:
        return arguments

    schema: JsonObject = {"type": "object", "properties": {}}
    tool = Tool(name="echo", description="", parameters=schema, effect="none", risk="read", call=echo)
    assert await ToolRegistry([tool]).use(context, "echo", {"a": 1}) == {"text": '{"a":1}', "is_error": False}
