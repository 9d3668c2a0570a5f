"""The practice model: deterministic, honest, and what it says follows from the prompt."""

import re
from collections.abc import AsyncIterator
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter

from folkmoot.kernel.json import Json, JsonObject, dumps
from folkmoot.llm.gateway import Answer, Gateway, Request
from folkmoot.llm.messages import Message, OutputSchema, System, ToolResult, ToolSchema, User
from folkmoot.llm.practice.drafts import MARK
from folkmoot.llm.practice.pattern import text_for_pattern
from folkmoot.llm.practice.schema import Filler, Material
from folkmoot.llm.settings import LlmSettings
from folkmoot.llm.structured import ask_structured
from tests.llm.support import Heard

SEARCH = ToolSchema(
    "search_knowledge",
    "Searches the attached documents",
    {
        "type": "object",
        "properties": {"query": {"type": "string"}, "limit": {"type": "integer", "minimum": 1}},
        "required": ["query"],
    },
)
TASK = "Summarise what this project promises about crashes, with sources"
FOUND = dumps(
    {
        "passages": [
            {"id": "p1", "text": "# Runs\n\nBirds sing in spring. A run goes on after a crash of the server."},
            {"id": "p2", "text": "- The project promises that no acknowledged message is lost.\n- Tea is hot."},
        ]
    }
)
MATERIAL = Material("The body.", ["one phrase", "another phrase"], {})


async def ask(*messages: Message, tools: tuple[ToolSchema, ...] = (), heard: Heard | None = None) -> Answer:
    gateway = Gateway(LlmSettings())
    try:
        return await gateway.ask(Request(messages=messages, tools=tools), heard)
    finally:
        await gateway.aclose()


async def test_it_names_itself_and_says_what_to_set() -> None:
    answer = await ask(System("You are kind."), User("How are you?"))
    assert answer.text.startswith(f'{MARK} You said: "How are you?"')
    assert "OPENAI_API_KEY" in answer.text
    assert answer.models == ("practice:practice",)
    assert answer.usage.provider == "practice"
    assert answer.usage.cost == Decimal(0)


async def test_it_searches_once_then_quotes_with_citations() -> None:
    first = await ask(User(TASK), tools=(SEARCH,))
    (call,) = first.calls
    assert (call.name, first.text) == ("search_knowledge", "")
    assert call.arguments == {"query": "summarise project promises crashes sources"}
    second = await ask(User(TASK), first.message, ToolResult(call.id, call.name, FOUND), tools=(SEARCH,))
    assert second.calls == ()
    assert second.text.startswith(MARK)
    assert "A run goes on after a crash of the server. [p1]" in second.text
    assert "The project promises that no acknowledged message is lost. [p2]" in second.text
    assert "Birds" not in second.text


async def test_a_search_without_a_finding_is_said_to_be_one() -> None:
    result = ToolResult("c", "search_knowledge", '{"passages": []}')
    answer = await ask(User(TASK), result, tools=(SEARCH,))
    assert "found no passage" in answer.text


async def test_a_later_question_is_searched_anew() -> None:
    answer = await ask(User(TASK), ToolResult("c", "search_knowledge", FOUND), User("And birds?"), tools=(SEARCH,))
    assert len(answer.calls) == 1


async def test_the_same_prompt_has_the_same_answer_streamed_or_not() -> None:
    heard = Heard()
    conversation = (User(TASK), ToolResult("c", "search_knowledge", FOUND))
    plain, streamed = await ask(*conversation), await ask(*conversation, heard=heard)
    assert plain.text == streamed.text == heard.written
    assert heard.pieces > 3


@pytest.mark.parametrize(
    "text",
    ["", " ", "\x00", "#" * 10_000, "a" * 200_000, "word " * 40_000, "\ud800".encode("utf-8", "replace").decode()],
)
async def test_any_prompt_is_answered(text: str) -> None:
    answer = await ask(User(text), System(text))
    assert answer.text.startswith(MARK)
    assert len(answer.text) < 2_000


class Step(BaseModel):
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]
    title: Annotated[str, Field(min_length=1, max_length=300)]
    role: str
    depends_on: tuple[str, ...] = ()
    acceptance: str


class Plan(BaseModel):
    complexity: Literal["XS", "S", "M", "L", "XL"]
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=20)]
    assumptions: tuple[str, ...] = ()


class Finding(BaseModel):
    step_id: str
    severity: Literal["low", "medium", "high", "critical"]
    note: str
    must_fix: bool


class Verdict(BaseModel):
    decision: Literal["approve", "changes_required", "reject"]
    findings: tuple[Finding, ...] = ()
    confidence: Annotated[float, Field(ge=0, le=1)]


class Turn(BaseModel):
    text: str
    position: str
    confidence: Annotated[float, Field(ge=0, le=1)]
    agreement: dict[str, Annotated[float, Field(ge=0, le=1)]] = {}


async def structured(type_: type[BaseModel], prompt: str, persona: str = "") -> BaseModel:
    gateway = Gateway(LlmSettings())
    messages = (System(persona), User(prompt))
    value, _ = await ask_structured(gateway, Request(messages=messages), type_)
    await gateway.aclose()
    return value


@pytest.mark.parametrize(
    "task", [TASK, "x", "Build a parser; test it; then write docs.\n- be fast\n- be small", "word " * 9000]
)
async def test_a_plan_has_real_steps_known_roles_and_no_cycle(task: str) -> None:
    prompt = f"## Task\n{task}\n\n## Roles\n- engineer: Alex (Engineer) does the work\n- `tester`: Bob checks\n"
    plan = await structured(Plan, prompt)
    assert isinstance(plan, Plan)
    done: set[str] = set()
    for step in plan.steps:
        assert done.issuperset(step.depends_on), "each step comes after those it depends on"
        assert step.role in ("engineer", "tester")
        done.add(step.id)
    assert len(done) == len(plan.steps) >= 3
    assert plan.steps[-1].role == "tester"


REVIEW = """## Task
Write about tea and coffee

## Acceptance
- s1: Names tea and its temperature
- s2: Compares coffee with chocolate

## Outputs
### s1: Tea
Tea has a temperature of 80 degrees.

### s2: Coffee
{coffee}
"""


async def test_a_verdict_follows_from_acceptance_and_output() -> None:
    missing = await structured(Verdict, REVIEW.format(coffee="Nothing yet."))
    assert isinstance(missing, Verdict)
    assert missing.decision == "changes_required"
    assert [finding.step_id for finding in missing.findings] == ["s2"]
    assert missing.findings[0].must_fix
    assert "chocolate" in missing.findings[0].note
    met = await structured(Verdict, REVIEW.format(coffee="Coffee compared with chocolate: both are bitter."))
    assert isinstance(met, Verdict)
    assert (met.decision, met.findings) == ("approve", ())
    assert met.confidence > missing.confidence


async def test_nothing_delivered_is_not_approved() -> None:
    verdict = await structured(Verdict, "## Task\nWrite\n\n## Acceptance\n- s1: A text\n\n## Outputs\n")
    assert isinstance(verdict, Verdict)
    assert verdict.decision == "changes_required"


async def test_its_own_work_meets_its_own_acceptance_after_a_finding() -> None:
    step = "## Task\nWrite about coffee\n\n## Step\nCompare coffee\n\n## Acceptance\n- Compares coffee with chocolate\n"
    answer = await ask(User(f"{step}\n## Findings\n- Not covered: chocolate\n"))
    verdict = await structured(Verdict, REVIEW.format(coffee=answer.text))
    assert isinstance(verdict, Verdict)
    assert verdict.decision == "approve"


async def test_a_position_is_one_of_the_options_and_follows_the_persona() -> None:
    prompt = "## Topic\nWhich database?\n\n## Options\n- sqlite: one small file\n- postgres: a big server\n"
    for persona, expected in (("You love one small file.", "sqlite"), ("You run a big server.", "postgres")):
        turn = await structured(Turn, f"{prompt}\n## Statements\n- A: I say sqlite\n- B: no\n", persona)
        assert isinstance(turn, Turn)
        assert turn.position == expected
        assert set(turn.agreement) == {"A", "B"}


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Tree(BaseModel):
    name: Annotated[str, Field(max_length=10)]
    children: list["Tree"] = []
    other: "Tree | None" = None


class Everything(BaseModel):
    colour: Colour
    kind: Literal["only"]
    flag: bool
    count: Annotated[int, Field(gt=3, lt=5)]
    even: Annotated[int, Field(ge=1, multiple_of=4)]
    share: Annotated[float, Field(gt=0, lt=0.001)]
    some: Annotated[list[str], Field(min_length=2, max_length=3)]
    distinct: Annotated[set[int], Field(min_length=3)]
    pair: tuple[int, str]
    by_name: dict[str, int]
    maybe: int | None
    either: int | list[str]
    at: datetime
    day: date
    id: UUID
    slug: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{2,20}$")]
    code: Annotated[str, Field(pattern=r"^(?:AB|CD)-\d{4}(\.[x-z]+)?$")]
    long: Annotated[str, Field(min_length=200)]
    tree: Tree


@pytest.mark.parametrize("type_", [Everything, Tree, Plan, Verdict, Turn])
async def test_any_schema_is_filled_with_valid_content(type_: type[BaseModel]) -> None:
    assert isinstance(await structured(type_, "Paint the house blue, then sell it."), type_)


async def test_enums_follow_the_prompt() -> None:
    value = await structured(Everything, "Paint the house blue.")
    assert isinstance(value, Everything)
    assert value.colour is Colour.BLUE


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object", "minProperties": 2},
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}},
        {"allOf": [{"type": "object", "properties": {"a": {"type": "string"}}}, {"required": ["a"]}]},
        {"type": ["null", "string"]},
        {"type": "array", "items": {"type": "string"}, "uniqueItems": True, "minItems": 5},
        {"anyOf": []},
        {"type": "nonsense"},
        {"enum": []},
    ],
)
def test_strange_schemas_end(schema: JsonObject) -> None:
    value = Filler(schema, MATERIAL).fill()
    assert Filler(schema, MATERIAL).fill() == value
    if schema.get("uniqueItems"):
        assert isinstance(value, list)
        assert len({str(item) for item in value}) == 5


@given(least=st.integers(-50, 50), span=st.integers(0, 50), draft=st.none() | st.floats(-100, 100))
def test_numbers_are_in_range(least: int, span: int, draft: float | None) -> None:
    schema: JsonObject = {"type": "integer", "minimum": least, "maximum": least + span}
    value: Json = Filler(schema, MATERIAL).fill(None if draft is None else int(draft))
    assert isinstance(value, int)
    assert least <= value <= least + span
    share: JsonObject = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
    number = TypeAdapter(float).validate_python(Filler(share, MATERIAL).fill(draft))
    assert 0 < number <= 1


@pytest.mark.parametrize(
    "pattern",
    [r"^\d{4}-\d{2}$", r"^[A-Z]{3}_(a|b)+$", r"^(?:x|y)?z{2,}$", r"\w+@\w+\.\w{2,3}", r"^[^a-z]{5}$", "", r"^.{8,}$"],
)
def test_patterns(pattern: str) -> None:
    text = text_for_pattern(pattern)
    assert text is not None
    assert re.search(pattern, text)


@pytest.mark.parametrize("pattern", [r"(?=a)b", r"(a", r"\1", "*", r"^(?!x)$"])
def test_patterns_beyond_it_are_none(pattern: str) -> None:
    assert text_for_pattern(pattern) is None


async def test_a_schema_given_by_name_only_is_known_by_its_members() -> None:
    gateway = Gateway(LlmSettings())
    output = OutputSchema("anything", Plan.model_json_schema())
    answer = await gateway.ask(Request(messages=(User("## Task\nBuild it"),), output=output))
    assert len(Plan.model_validate_json(answer.text).steps) >= 3
    await gateway.aclose()


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    opened = Gateway(LlmSettings())
    yield opened
    await opened.aclose()


PASSAGE = '<passages>\n<passage id="p7" title="Paint">\nA wall is painted twice.\n</passage>\n</passages>'


async def test_it_quotes_fenced_passages_and_leaves_the_fences_out(gateway: Gateway) -> None:
    asked = User(f"How often is a wall painted?\n\n## Passages\n{PASSAGE}")
    schema: JsonObject = {
        "type": "object",
        "properties": {
            "summary": {"type": "string"},
            "citations": {"type": "array", "items": {"type": "string"}},
        },
    }
    request = Request(workspace_id="w", models=(), messages=(asked,), output=OutputSchema("Research", schema))
    text = (await gateway.ask(request)).text
    assert "A wall is painted twice. [p7]" in text
    assert '"citations":["p7"]' in text
    assert "<passage" not in text


@pytest.mark.parametrize(
    ("said", "names", "called"),
    [
        ("Make an agent that paints walls", ("create_agent",), "create_agent"),
        ("Paint the wall", ("create_agent",), None),
        ("Paint the wall", ("delegate", "ask_operator", "finish"), "delegate"),
        ("Paint the wall", ("delegate", "ask_operator"), None),
    ],
)
async def test_it_hands_work_on_only_where_that_is_asked_for(
    gateway: Gateway, said: str, names: tuple[str, ...], called: str | None
) -> None:
    schema: JsonObject = {"type": "object", "properties": {"agent": {"type": "string", "enum": ["creator"]}}}
    tools = tuple(ToolSchema(name, name, schema) for name in names)
    answer = await gateway.ask(Request(workspace_id="w", models=(), messages=(User(said),), tools=tools))
    assert next((call.name for call in answer.calls), None) == called
