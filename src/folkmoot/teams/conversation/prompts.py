"""What each speaker of a conversation is asked, built from the recipe of a call and the state alone."""

from collections.abc import Callable
from typing import Final

from folkmoot.kernel.json import JsonObject
from folkmoot.teams.briefs import SEARCH, Brief, cut, files, findings, nested, one_line, roles, task
from folkmoot.teams.conversation.outcome import artifact_name
from folkmoot.teams.conversation.state import Statement, TalkState
from folkmoot.teams.ending import SENTENCES
from folkmoot.teams.team import Role

STATEMENTS_CHARACTERS = 60_000
"""How much of a conversation a prompt holds, its newest part."""

_SPEAK = "It is your turn to speak. Move the task on: answer, build on what was said, or correct it; repeat nothing."
_ASKED: Final[dict[str, str]] = {
    "round_robin": (
        f"{_SPEAK} Answer with text, and with finish true once the task is done and you have nothing to add. "
        "The conversation ends with the first round in which everybody says so."
    ),
    "selector": _SPEAK,
    "handoff": (
        f"{_SPEAK} Where another of the team is the right one to go on, call the tool handoff with who and why. "
        "Answer without it only if your answer is the whole result: it ends the conversation."
    ),
    "supervisor": (
        "See that the task is done. Hand parts of it out with the tool delegate: one call for each part, with all that "
        "the member needs to know, for nobody sees this conversation. Independent parts go into one answer. "
        "Then answer with the whole result, made of what came back."
    ),
}
_CHOICE = (
    "You moderate. Say who of the team speaks next: the one whose word is needed most. Nobody speaks twice running. "
    "Set finish once the task is done and nothing of weight is missing."
)
_VERDICT = (
    "Judge what the team has come to by the task. Approve if it is done; else require changes, with one finding for "
    "each speaker whose contribution must change, the speaker's slug as step_id; reject only what cannot become "
    "acceptable. must_fix marks what stands against approval."
)
_SUMMARY = (
    "Report to the person who gave the task: the answer itself in summary, with the citations it rests on, "
    "what was delivered in deliverables, and everything still open in open_issues."
)


def brief(state: TalkState, recipe: JsonObject) -> Brief:
    """Raises KeyError on an unknown recipe."""
    return _BRIEFS[str(recipe["kind"])](state, recipe)


def _statement(state: TalkState, recipe: JsonObject) -> Brief:
    team = state.given.team
    speaker = team.role(str(recipe["speaker"]))
    told = (_ASKED[team.orchestration], SEARCH if state.given.documents else "")
    sections = (*_matter(state, speaker), ("Findings", findings(state.findings)))
    return Brief(speaker, " ".join(filter(None, told)), sections)


def _choice(state: TalkState, _: JsonObject) -> Brief:
    spoken = [statement.speaker for statement in state.statements]
    turns = "\n".join(f"- {slug}: spoke {spoken.count(slug)} times" for slug in state.slugs)
    lead = state.given.team.lead
    return Brief(lead, _CHOICE, (*_matter(state, lead), ("Turns", turns), ("Findings", findings(state.findings))))


def _verdict(state: TalkState, _: JsonObject) -> Brief:
    reviewer = state.given.team.reviewer
    assert isinstance(reviewer, Role), "no language model is asked for the verdict of nobody or of a person"
    return Brief(reviewer, _VERDICT, (*_made(state), ("Findings", findings(state.findings))))


def _summary(state: TalkState, _: JsonObject) -> Brief:
    standing = f"{SENTENCES[state.stopped]}. " if state.stopped else ""
    listed = "\n".join(f"- {artifact_name(speaker)}: what {speaker} said last" for speaker in state.latest)
    sections = (*_made(state), ("Artifacts", listed), ("Findings", findings(state.findings)))
    return Brief(state.given.team.lead, standing + _SUMMARY, sections)


_BRIEFS: Final[dict[str, Callable[[TalkState, JsonObject], Brief]]] = {
    "statement": _statement,
    "choice": _choice,
    "verdict": _verdict,
    "summary": _summary,
}


def _matter(state: TalkState, speaker: Role) -> tuple[tuple[str, str], ...]:
    others = [role for role in state.given.team.speakers if role.slug != speaker.slug]
    return (
        ("Task", task(state.given)),
        ("Files", files(state.given)),
        ("Team", roles(others)),
        ("Statements", _statements(state)),
    )


def _made(state: TalkState) -> tuple[tuple[str, str], ...]:
    outputs = "\n\n".join(f"### {speaker}\n{cut(nested(text))}" for speaker, text in state.latest.items())
    return ("Task", task(state.given)), ("Files", files(state.given)), ("Outputs", outputs)


def _statements(state: TalkState) -> str:
    """The newest of the last `memory_size` that there is room for, in the order in which they were made."""
    shown: list[str] = []
    room = STATEMENTS_CHARACTERS
    for statement in reversed(state.statements[-state.given.memory_size :]):
        text = _shown(statement)
        room -= len(text)
        if room < 0 and shown:
            break
        shown.append(text)
    return "\n\n".join(reversed(shown))


def _shown(statement: Statement) -> str:
    passed = f"\n[to {statement.passed_to}: {one_line(statement.note)}]" if statement.passed_to else ""
    return f"### {statement.speaker}\n{cut(nested(statement.text))}{passed}"
