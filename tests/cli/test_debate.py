"""Debates at the terminal: their words, files of questions, and the commands as they are typed."""

from decimal import Decimal
from pathlib import Path

import pytest

from folkmoot.cli.debate_questions import Debated, read_questions, sum_lines
from folkmoot.cli.debate_text import BAR, bar, end_lines, round_line, statement_lines
from folkmoot.cli.problems import BadUsage
from folkmoot.debates.example import REPORT
from folkmoot.kernel.json import JsonObject, loads
from tests.cli.terminal import Terminal

ANNA, BERT = ("assistant", "Anna"), ("assistant", "Bert")


def test_the_bar_is_as_full_as_the_consensus_with_the_threshold_in_it() -> None:
    assert [bar(share).count("#") for share in (0, 0.5, 1, 7, -1)] == [0, BAR // 2, BAR, BAR, 0]
    assert bar(0.5, 0.75) == "[############......|.....]"
    assert [bar(0.5, at).index("|") for at in (0, 1)] == [1, BAR]
    scores: JsonObject = {"round": 2, "consensus_score": 0.75, "leader": "SQLite"}
    assert round_line(scores, 0.5) == "round 2  [############|#####......] 0.75  SQLite leads"
    assert round_line({**scores, "leader": None}).endswith("nobody leads")


def test_a_statement_says_who_what_for_and_why_it_moved() -> None:
    said: JsonObject = {
        **{"name": "Ada", "round": 2, "type": "rebuttal", "position": "SQLite", "confidence": 0.8},
        **{"text": "One file.\n\x1b[2JNo service.", "changed_because": "a better argument", "outcome": "said"},
    }
    lines = statement_lines(said)
    assert (lines[0], lines[-1]) == ("Ada, round 2 rebuttal [SQLite 0.80]", "    moved because: a better argument")
    assert not any("\x1b" in line for line in lines), "what an agent wrote steers no terminal"
    silent: JsonObject = {**said, "text": "", "detail": None, "position": None, "changed_because": None}
    assert statement_lines({**silent, "outcome": "passed"}) == ["Ada, round 2 rebuttal", "    passed"]


def test_the_end_says_what_the_debate_did_to_the_vote_and_its_cost() -> None:
    lines = end_lines(REPORT, "consensus_reached")
    assert lines[:2] == ["SQLite: consensus, support 1.00", "vote before the debate: none; after it: SQLite"]
    assert lines[2].startswith("warning: All agents speak with one language model")
    assert lines[3] == "consensus reached (consensus), 8 model calls, cost 0.008 USD"
    nothing: JsonObject = {"type": "deadlock", "rule": "vote", "winner": None}
    assert (
        end_lines({**REPORT, "decision": nothing, "warnings": []}, "failed")[0]
        == "No decision: deadlock, decided by vote"
    )


def questions(folder: Path, *lines: str) -> Path:
    file = folder / "questions.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


GOOD = '{"question": "Which sea is the largest?", "options": ["Atlantic", " Pacific "], "answer": "Pacific"}'


def test_a_file_of_questions(tmp_path: Path) -> None:
    found = read_questions(questions(tmp_path, GOOD, "", '{"question": "Tea?", "options": ["yes", "no"]}'))
    assert [(one.options, one.answer) for one in found] == [
        (["Atlantic", "Pacific"], "Pacific"),
        (["yes", "no"], None),
    ]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "line 2: the question: Invalid JSON"),
        ('{"question": "Tea?"}', "line 2: options: Field required"),
        ('{"question": "Tea?", "options": ["yes"]}', "line 2: options: List should have at least 2"),
        ('{"question": " ", "options": ["a", "b"]}', "line 2: question: String should have at least 1"),
        ('{"question": "Tea?", "options": ["a", "b"], "right": "a"}', "line 2: right: Extra inputs"),
        ('{"question": "Tea?", "options": ["a", "b"], "answer": "c"}', "line 2: the answer is none of the options"),
    ],
)
def test_what_is_wrong_in_a_file_of_questions_is_said_with_its_line(tmp_path: Path, line: str, says: str) -> None:
    with pytest.raises(BadUsage, match=says):
        read_questions(questions(tmp_path, GOOD, line))


def test_a_file_without_questions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadUsage, match="holds no question"):
        read_questions(questions(tmp_path, "", " "))
    with pytest.raises(BadUsage, match="cannot be read"):
        read_questions(tmp_path / "none.jsonl")


def debated(before: str | None, after: str | None, answer: str | None, cost: str | None = "0.5") -> Debated:
    price = None if cost is None else Decimal(cost)
    return Debated(
        question="?", answer=answer, before=before, after=after, status="completed", model_calls=4, cost_usd=price
    )


def test_the_sum_says_how_often_votes_were_right_before_and_after() -> None:
    found = [debated("a", "b", "b"), debated(None, "a", "b"), debated("b", "b", "b"), debated("a", "a", None)]
    assert sum_lines(found) == [
        "2 of 4 votes changed, 16 model calls",
        "right before: 1 of 3; right after: 2",
        "2.0 USD",
    ]
    assert sum_lines([debated("a", "a", None, None)]) == ["0 of 1 votes changed, 4 model calls", "cost unknown"]


@pytest.mark.system
def test_a_debate_is_held_shown_and_reported(terminal: Terminal) -> None:
    for slug, name in (ANNA, BERT):
        assert terminal.type("agents", "create", slug, "--name", name).code == 0
    held = terminal.type(
        *("debate", "Tea or coffee?", "--agents", "anna, bert", "--options", "tea,coffee", "--mode", "structured"),
        *("--rounds", "2", "--iterations", "1", "--threshold", "1"),
    )
    assert held.code == 0, held
    assert "vote before the debate: " in held.out
    listed = terminal.type("debates", "list", "--json")
    (debate,) = objects(loads(listed.out), "debates")
    debate_id = str(debate["debate_id"])
    assert debate_id in held.out
    assert "Tea or coffee?" in terminal.type("debates", "list").out
    shown = terminal.type("debates", "show", debate_id).out
    assert "Anna: " in shown
    assert "round 1  [" in shown
    assert "Anna, round 1 opening [" in terminal.type("debates", "transcript", debate_id).out
    assert terminal.type("debates", "report", debate_id).out.startswith("# Tea or coffee?\n")
    for suffix, start in ((".html", "<!doctype html>"), (".md", "# Tea"), (".json", "{")):
        file = terminal.folder / f"report{suffix}"
        assert terminal.type("debates", "report", debate_id, "--out", str(file)).code == 0
        assert file.read_text(encoding="utf-8").startswith(start)
    assert terminal.type("debates", "report", debate_id, "--out", "report.pdf").code == 2
    assert terminal.type("debates", "control", debate_id, "resume").code == 1, "it has ended"
    assert terminal.type("debates", "say", debate_id, "Too late").code == 1
    for command in ("show", "report", "transcript"):
        assert terminal.type("debates", command, "x").code == 2


@pytest.mark.system
def test_a_debate_as_json_and_what_is_refused(terminal: Terminal) -> None:
    for slug, name in (ANNA, BERT):
        assert terminal.type("agents", "create", slug, "--name", name).code == 0
    held = terminal.type("debate", "Tea?", "--agents", "anna,bert", "--options", "yes,no", "--json")
    report = loads(held.out)
    assert isinstance(report, dict)
    assert report.keys() == REPORT.keys()
    assert held.err == ""
    for wrong in (("Tea?", "--agents", "anna"), ("Tea?", "--agents", "anna,zoe"), (" ", "--agents", "anna,bert")):
        refused = terminal.type("debate", *wrong)
        assert (refused.code, refused.out) == (2, ""), wrong
    file = str(questions(terminal.folder, GOOD))
    asked = terminal.type("eval", "debate", "--questions", file, "--agents", "anna,bert", "--rounds", "2", "--json")
    told = loads(asked.out)
    assert isinstance(told, dict)
    (one,) = objects(told, "questions")
    assert one["before"] in ("Atlantic", "Pacific", None)
    assert isinstance(one["model_calls"], int)
    assert one["cost_usd"] is not None
    assert "BEFORE" in terminal.type("eval", "debate", "--questions", file, "--agents", "anna,bert").out
    assert terminal.type("eval", "debate", "--questions", file, "--agents", "anna").code == 2


@pytest.mark.system
def test_closed_forms_are_measured(terminal: Terminal) -> None:
    measured = terminal.type("eval", "debate", "--debates", "50", "--json")
    told = loads(measured.out)
    assert isinstance(told, dict)
    assert len(objects(told, "figures")) == 13
    assert measured.code == (0 if all(one["holds"] for one in objects(told, "figures")) else 1)


def objects(value: object, name: str) -> list[JsonObject]:
    assert isinstance(value, dict)
    found = value[name]
    assert isinstance(found, list)
    return [one for one in found if isinstance(one, dict)]
