"""Debating a file of questions with one's own agents: the vote before, the vote after, and what the debate cost."""

from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from folkmoot.cli.client import Client
from folkmoot.cli.connection import connect
from folkmoot.cli.follow import Follower
from folkmoot.cli.printing import print_json, print_table, table_of
from folkmoot.cli.problems import COMPLETED, NOT_COMPLETED, BadUsage
from folkmoot.cli.process import Signals
from folkmoot.cli.progress import Progress
from folkmoot.cli.screen import Screen, one_line
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.kernel.validation import sentences

_Option = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]


class Question(BaseModel):
    """One line of the file; `answer` is the right option, where it is known."""

    model_config = ConfigDict(extra="forbid")

    question: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
    options: Annotated[list[_Option], Field(min_length=2, max_length=26)]
    answer: _Option | None = None


class Debated(BaseModel):
    """What one question came to."""

    question: str
    answer: str | None
    before: str | None
    after: str | None
    status: str
    model_calls: int
    cost_usd: Decimal | None


async def ask_questions(
    screen: Screen, signals: Signals, file: Path, agents: str, rounds: int, *, is_json: bool
) -> int:
    """Exit code 0 where every debate was decided."""
    questions = read_questions(file)
    named: list[Json] = [name.strip() for name in agents.split(",") if name.strip()]
    if len(named) < 2:
        raise BadUsage("Name at least two agents with --agents")
    async with connect(screen, signals, works=True) as client:
        found = [await _debate(client, screen, question, named, rounds) for question in questions]
    if is_json:
        print_json({"questions": [one.model_dump(mode="json") for one in found], "sum": _sum(found)})
    else:
        rows = (
            [one.before, one.after, one.answer, one.model_calls, _usd(one), one_line(one.question)] for one in found
        )
        print_table(table_of(("BEFORE", "AFTER", "ANSWER", "CALLS", "USD", "QUESTION"), rows))
        for line in sum_lines(found):
            screen.say(line)
    return COMPLETED if all(one.status in ("consensus_reached", "completed") for one in found) else NOT_COMPLETED


def read_questions(file: Path) -> list[Question]:
    """Raises BadUsage, naming the line."""
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadUsage(f"{file} cannot be read: {error}") from error
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            question = Question.model_validate_json(line)
        except ValidationError as error:
            raise BadUsage(f"{file}, line {number}: {sentences(error, 'the question')[0]}") from None
        if question.answer is not None and question.answer not in question.options:
            raise BadUsage(f"{file}, line {number}: the answer is none of the options")
        found.append(question)
    if not found:
        raise BadUsage(f"{file} holds no question")
    return found


async def _debate(client: Client, screen: Screen, question: Question, agents: list[Json], rounds: int) -> Debated:
    given: JsonObject = {
        "debate_topic": one_line(question.question, 250),
        "problem_statement": question.question,
        "debate_mode": "freeform",
        "max_rounds": rounds,
        "max_iterations_per_round": 1,
        "selected_agents": agents,
        "debate_rules": {"options": [*question.options]},
    }
    made = await client.post("/api/debate/initialize", given, new_id())
    debate_id = str(made["debate_id"])
    await client.post(f"/api/debate/{debate_id}/control", {"action": "start"})
    screen.say(one_line(question.question, 100))
    await Follower(client, str(made["run_id"]), Progress(Screen(is_quiet=True))).to_rest()
    report = await client.get(f"/api/debates/{debate_id}/report")
    votes, usage = _object(report, "votes"), _object(report, "usage")
    return Debated.model_validate(
        {
            "question": question.question,
            "answer": question.answer,
            "before": _object(votes, "initial").get("winner"),
            "after": _object(votes, "final").get("winner"),
            "status": report.get("status"),
            "model_calls": usage.get("model_calls"),
            "cost_usd": usage.get("cost_usd"),
        }
    )


def sum_lines(found: list[Debated]) -> list[str]:
    """What the debates did to the votes, and what they cost; never that they make agents right."""
    total = _sum(found)
    lines = [f"{total['changed']} of {total['questions']} votes changed, {total['model_calls']} model calls"]
    if total["known"]:
        lines.append(f"right before: {total['right_before']} of {total['known']}; right after: {total['right_after']}")
    lines.append("cost unknown" if total["cost_usd"] is None else f"{total['cost_usd']} USD")
    return lines


def _sum(found: list[Debated]) -> JsonObject:
    known = [one for one in found if one.answer is not None]
    costs = [one.cost_usd for one in found if one.cost_usd is not None]
    return {
        "questions": len(found),
        "changed": sum(one.before != one.after for one in found),
        "known": len(known),
        "right_before": sum(one.before == one.answer for one in known),
        "right_after": sum(one.after == one.answer for one in known),
        "model_calls": sum(one.model_calls for one in found),
        "cost_usd": format(sum(costs, Decimal(0)), "f") if len(costs) == len(found) else None,
    }


def _usd(one: Debated) -> str:
    return "unknown" if one.cost_usd is None else format(one.cost_usd, "f")


def _object(value: JsonObject, name: str) -> JsonObject:
    found = value.get(name)
    return found if isinstance(found, dict) else {}
