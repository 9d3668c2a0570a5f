"""What the journal of a conversation stands for: statements, choices and verdicts, and whose turn it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from folkmoot.agents.turn import Turn, TurnPlan
from folkmoot.runs.journal import Fault
from folkmoot.teams.conversation.rules import others
from folkmoot.teams.given import TeamInput
from folkmoot.teams.metrics import Spent
from folkmoot.teams.rules import Finding, StopReason, Summary, Verdict, content_hash, fingerprint
from folkmoot.teams.team import Role

TURN_LIMIT = 8
"""Calls of the language model in one statement; a supervisor's has more, to hand out and take in."""

SUPERVISOR_LIMIT = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What somebody said. `passed_to`: whom the word was handed to with it, and `note` says why."""

    number: int
    round: int
    speaker: str
    text: str
    is_content: bool = False
    passed_to: str | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class TalkState:
    """Nobody speaks at the same time as another, so the order of entries is that of the conversation.

    `chosen` speaks next, where somebody decided that; `is_ready`: all has been said that the reviewer shall judge.
    """

    given: TeamInput
    began_at: datetime
    last_at: datetime
    statements: tuple[Statement, ...] = ()
    turn: Turn | None = None
    round: int = 1
    choices: int = 0
    chosen: str | None = None
    delegations: int = 0
    is_ready: bool = False
    verdicts: tuple[Verdict | None, ...] = ()
    fingerprint_before: str | None = None
    stopped: StopReason | None = None
    called_off: str | None = None
    summary: Summary | None = None
    fault: Fault | None = None
    spent: Mapping[tuple[str, str], Spent] = field(default_factory=dict)
    is_over: bool = False

    @property
    def speakers(self) -> tuple[Role, ...]:
        """Who may be given the word: everybody, of a moderated conversation only the members."""
        team = self.given.team
        return team.members if team.orchestration == "selector" else team.speakers

    @property
    def slugs(self) -> tuple[str, ...]:
        return tuple(role.slug for role in self.speakers)

    @property
    def turn_limit(self) -> int:
        limit = self.given.team.limits.max_turns
        return min(limit, self.given.max_rounds * len(self.speakers)) if self.is_in_rounds else limit

    @property
    def is_in_rounds(self) -> bool:
        return self.given.team.orchestration == "round_robin"

    @property
    def is_spoken_out(self) -> bool:
        """Whether nobody may speak any more."""
        return len(self.statements) >= self.turn_limit

    @property
    def in_round(self) -> tuple[Statement, ...]:
        return tuple(statement for statement in self.statements if statement.round == self.round)

    @property
    def speaker(self) -> str | None:
        """Whose turn it is; None where the moderator has to say."""
        match self.given.team.orchestration:
            case "round_robin":
                return self.slugs[len(self.in_round) % len(self.slugs)]
            case "selector":
                return self.chosen
            case "handoff" if self.statements:
                return self.chosen or self.statements[-1].speaker
            case _:
                return self.given.team.lead.slug

    @property
    def successors(self) -> list[str]:
        """To whom the speaker may hand the word: nobody, where this is the last turn that there is."""
        is_last = len(self.statements) + 1 >= self.turn_limit
        speaker = self.speaker
        return [] if is_last else [slug for slug in others(self.slugs, speaker) if slug != speaker]

    @property
    def delegations_left(self) -> int:
        return self.given.team.limits.max_delegations - self.delegations

    @property
    def latest(self) -> dict[str, str]:
        """What each speaker said last."""
        return {statement.speaker: statement.text for statement in self.statements if statement.text}

    @property
    def revisions(self) -> int:
        """Verdicts after which the conversation went on."""
        is_last_word = self.stopped not in (None, "delivered", "budget_exhausted")
        return len(self.verdicts) - is_last_word

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The last verdict's."""
        verdict = self.verdicts[-1] if self.verdicts else None
        return verdict.findings if verdict is not None else ()


def turn_of(state: TalkState) -> Turn:
    """The turn of whoever has the word, as it is or as it begins."""
    if state.turn is not None:
        return state.turn
    speaker = state.speaker
    assert speaker is not None, "the moderator chooses first"
    seat, is_supervised = state.given.team.role(speaker), state.given.team.orchestration == "supervisor"
    plan = TurnPlan(
        key=f"t{len(state.statements) + 1}",
        role=speaker,
        recipe={"kind": "statement", "speaker": speaker},
        agent_id=seat.agent_id,
        output="remark" if state.is_in_rounds else None,
        max_tokens=seat.max_tokens,
        limit=SUPERVISOR_LIMIT if is_supervised else TURN_LIMIT,
        limit_seconds=state.given.step_seconds,
    )
    return Turn(plan=plan)


def fingerprint_of(state: TalkState, verdict: Verdict) -> str:
    """What two reviews have in common between which nothing has moved."""
    made = {speaker: content_hash(text) for speaker, text in state.latest.items()}
    return fingerprint(made, verdict.findings)
