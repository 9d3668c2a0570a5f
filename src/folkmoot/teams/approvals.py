"""What a person's decision comes to: the answer to a plan, and a review in a person's own words."""

import re
from collections.abc import Collection
from typing import Literal

from folkmoot.kernel.json import Json
from folkmoot.runs.journal import Ask
from folkmoot.teams.rules import Finding, Paragraph, Verdict

PLAN_SECONDS = 300
"""How long a plan waits for approval; then it counts as rejected."""

REVIEW_SECONDS = 86_400
"""How long a review waits for its person."""

MAX_SENT_BACK = 3
"""How often a person may have a plan made anew in one run."""

_UNSAID = "The reviewer asked for changes without saying which"
_ADDRESSED = re.compile(r"^\s*(?:[-*]\s*)?([A-Za-z0-9][A-Za-z0-9_-]{0,62})\s*:\s*(\S.*)$")
_NOTE_CHARACTERS = 4000

Answer = Literal["approve", "revise", "reject", "expired"]


def plan_question(key: str, detail: dict[str, Json], *, may_revise: bool) -> Ask:
    return Ask(
        key=key,
        group=key,
        subject="plan",
        question="Shall the team work by this plan?",
        detail=detail,
        expires_seconds=PLAN_SECONDS,
        may_revise=may_revise,
    )


def review_question(key: str, detail: dict[str, Json]) -> Ask:
    return Ask(
        key=key,
        group=key,
        subject="review",
        question="Is this what was asked for?",
        detail=detail,
        expires_seconds=REVIEW_SECONDS,
        may_revise=True,
    )


def answer_of(value: Json) -> tuple[Answer, str]:
    """What was decided and said about it; what cannot be read is no approval."""
    told = value if isinstance(value, dict) else {}
    said = told.get("feedback")
    feedback = said.strip() if isinstance(said, str) else ""
    match told.get("decision"):
        case "approve":
            return "approve", feedback
        case "expired":
            return "expired", feedback
        case "reject" if told.get("revise") is True:
            return "revise", feedback
        case _:
            return "reject", feedback


def verdict_of(value: Json, ids: Collection[str]) -> Verdict | None:
    """A person's review as a verdict, None where nobody gave one in time.

    Each line `id: note` is a finding about that step or speaker; what addresses none of `ids` is about all of them.
    """
    answer, feedback = answer_of(value)
    match answer:
        case "approve":
            return Verdict(decision="approve", confidence=1)
        case "revise":
            return Verdict(decision="changes_required", findings=_findings(feedback, ids), confidence=1)
        case "reject":
            return Verdict(decision="reject", confidence=1)
        case "expired":
            return None


def _findings(feedback: str, ids: Collection[str]) -> tuple[Finding, ...]:
    notes: dict[str, list[str]] = {}
    general: list[str] = []
    for line in feedback.splitlines():
        found = _ADDRESSED.match(line)
        if found is not None and found[1] in ids:
            notes.setdefault(found[1], []).append(found[2].strip())
        elif line.strip():
            general.append(line.strip())
    if general or not notes:
        text = "\n".join(general) or _UNSAID
        notes = {name: [*notes.get(name, ()), text] for name in ids}
    return tuple(_finding(name, "\n".join(lines)) for name, lines in notes.items())[:100]


def _finding(name: str, note: Paragraph) -> Finding:
    return Finding(step_id=name, severity="high", note=note[:_NOTE_CHARACTERS], must_fix=True)
