"""Debates on the wire: their configuration and rules, what is shown of them, their statements."""

from datetime import datetime
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from folkmoot.debates.rules import Control, DebateStatus, Mode, Rule, Weights, fold
from folkmoot.http.schemas import Page
from folkmoot.http.text import Line, Text
from folkmoot.kernel.json import LARGEST_INTEGER, JsonObject
from folkmoot.usage.schemas import RunBudget

MOST_AGENTS = 10

_AT = "2026-11-21T11:43:40.194202Z"
_DEBATE = "01a1fdeb-6a11-7c2c-9a0e-4d1d8f4c7b10"
_RUN = "01a1fdeb-6a12-7d4f-8d2a-64d4c7a3f0c1"
_ADA = "01a1fdeb-5244-737b-b70e-11fca7e994dd"
_BEA = "01a1fdeb-5244-7c11-8a0e-0e4d1d8f4c7b"


class Body(BaseModel):
    """An unknown member is an error, not a silent loss."""

    model_config = ConfigDict(extra="forbid")


def _as_option(value: object) -> object:
    return {"id": value, "text": value} if isinstance(value, str) else value


def _folds(value: str) -> str:
    if not fold(value):
        raise ValueError("says nothing")
    return value


class Option(Body):
    """What can be decided for: an id that positions name, and what it means. A text alone is both."""

    id: Annotated[Line, Field(max_length=120), AfterValidator(_folds)]
    text: Annotated[Line, Field(max_length=255)]


AgentRef = Annotated[
    Line | Annotated[int, Field(ge=0, le=LARGEST_INTEGER)], Field(description="An agent's id, number or slug")
]
OneOption = Annotated[Option, BeforeValidator(_as_option, json_schema_input_type=Option | str)]
Rounds = Annotated[int, Field(strict=True, ge=1, le=20)]
Confidence = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class DebateRules(Body):
    """How a debate goes and what decides it; docs/debates.md says what each rule means."""

    options: Annotated[list[OneOption], Field(min_length=2, max_length=26)] | None = None
    decision: Rule = "vote"
    weights: Weights = "equal"
    min_rounds: Rounds = 2
    stop_if_unanimous_open: bool = True
    stability_rounds: Rounds = 2
    anonymous: bool = True
    reveal_confidence: bool = False
    devils_advocate: bool = False
    ballot: Literal["sealed", "inline"] = "sealed"
    moderator_agent_id: AgentRef | None = None
    judge_agent_id: AgentRef | None = None
    approve_verdict: bool = False
    person_votes: bool = False
    quorum: Annotated[int, Field(strict=True, ge=1, le=MOST_AGENTS)] = 2
    budget: RunBudget | None = None
    seed: Annotated[int, Field(strict=True, ge=0, le=LARGEST_INTEGER)] | None = Field(
        None, description="Default: made of topic and problem, so that the same debate is seated the same"
    )

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        folded = [fold(option.id) for option in self.options or ()]
        if len(set(folded)) < len(folded):
            raise ValueError("two options have the same id, case and punctuation apart")
        if (self.decision == "judge") != (self.judge_agent_id is not None):
            raise ValueError("a judge_agent_id and the decision judge belong together")
        return self


class NewDebate(Body):
    """A debate to be: it begins when it is started."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "debate_topic": "Which database should the product ship with?",
                    "problem_statement": "One file and no service, or a server that several processes can share.",
                    "debate_mode": "structured",
                    "max_rounds": 3,
                    "selected_agents": ["ada", "bea"],
                    "debate_rules": {"options": ["SQLite", "PostgreSQL"]},
                }
            ]
        }
    )

    debate_topic: Annotated[Text, Field(max_length=2000)]
    problem_statement: Annotated[Text, Field(max_length=100_000)]
    debate_mode: Mode = "autonomous"
    max_rounds: Rounds = 5
    max_iterations_per_round: Annotated[int, Field(strict=True, ge=1, le=10)] = 3
    consensus_threshold: Confidence = 0.8
    time_limit_per_argument: Annotated[int, Field(strict=True, ge=10, le=300, description="Seconds per turn")] = 60
    selected_agents: Annotated[list[AgentRef], Field(min_length=2, max_length=MOST_AGENTS)]
    debate_rules: DebateRules = Field(default_factory=DebateRules)

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        rules = self.debate_rules
        if len(set(map(str, self.selected_agents))) < len(self.selected_agents):
            raise ValueError("selected_agents are not distinct")
        if rules.moderator_agent_id is not None and self.debate_mode != "autonomous":
            raise ValueError("only an autonomous debate has a moderator")
        if rules.quorum > len(self.selected_agents):
            raise ValueError("the quorum is larger than the number of agents")
        return self


class DebateInitialized(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"debate_id": _DEBATE, "status": "initialized", "run_id": _RUN}]}
    )

    debate_id: str
    status: DebateStatus
    run_id: str


class DebateControl(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"action": "start"}]})

    action: Control


class NewStatement(Body):
    """What a person says in a debate; `position` counts as a vote only where the rules let people vote."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "It has to run on one machine without a net."}]})

    text: Annotated[Text, Field(max_length=20_000)]
    position: Annotated[Line, Field(max_length=200), AfterValidator(_folds)] | None = None
    confidence: Confidence | None = None


class ParticipantView(BaseModel):
    """`seat` is the order of speaking; a person who spoke has one behind the agents'. `alias` is what reports say."""

    seat: int
    kind: Literal["agent", "person"]
    agent_id: str | None
    name: str
    slug: str | None
    model: str | None
    position: str | None
    confidence: float | None
    is_active: bool
    turns: int


class NextTurn(BaseModel):
    """What is due: whose turns, or ballots, at once where there are several."""

    kind: Literal["opening", "turn", "moderator", "ballot", "judge", "approval"]
    key: str
    round: int
    iteration: int
    agent_ids: list[str]


_PARTICIPANT: JsonObject = {
    "seat": 1,
    "kind": "agent",
    "agent_id": _ADA,
    "name": "Ada",
    "slug": "ada",
    "model": "practice",
    "position": "SQLite",
    "confidence": 0.8,
    "is_active": True,
    "turns": 1,
}
_CONFIG: JsonObject = {
    "debate_topic": "Which database should the product ship with?",
    "problem_statement": "One file and no service, or a server that several processes can share.",
    "debate_mode": "structured",
    "max_rounds": 3,
    "max_iterations_per_round": 3,
    "consensus_threshold": 0.8,
    "time_limit_per_argument": 60,
    "selected_agents": [_ADA, _BEA],
    "debate_rules": {"options": [{"id": "SQLite", "text": "SQLite"}, {"id": "PostgreSQL", "text": "PostgreSQL"}]},
}
_VIEW: Final[JsonObject] = {
    "debate_id": _DEBATE,
    "run_id": _RUN,
    "workspace_id": "01a1fdeb-4e2b-736f-9bc5-3f195b7ea217",
    "project_id": "01a1fdeb-4e2b-7fcb-8194-8f8fed760416",
    "status": "active",
    "config": _CONFIG,
    "current_round": 2,
    "current_iteration": 1,
    "next_turn": {"kind": "turn", "key": "r2.i1.s2", "round": 2, "iteration": 1, "agent_ids": [_BEA]},
    "consensus_score": 0.5,
    "leader": None,
    "total_arguments": 2,
    "participants": [_PARTICIPANT],
    "created_at": _AT,
    "updated_at": _AT,
}
_ROUND: Final[JsonObject] = {
    "round": 1,
    "consensus_score": 0.666667,
    "leader": "SQLite",
    "agreement": 0.0,
    "confidence": 0.8,
    "entropy": 1.0,
    "flips": 0,
    "unsupported_flips": 0,
    "active": 2,
}


class DebateView(BaseModel):
    """`consensus_score` (0..1) and `leader` are those of the last round that ended, null before."""

    model_config = ConfigDict(json_schema_extra={"examples": [_VIEW]})

    debate_id: str
    run_id: str
    workspace_id: str
    project_id: str
    status: DebateStatus
    config: JsonObject
    current_round: int
    current_iteration: int
    next_turn: NextTurn | None
    consensus_score: float | None
    leader: str | None
    total_arguments: int
    participants: list[ParticipantView]
    created_at: datetime
    updated_at: datetime


class RoundView(BaseModel):
    """A round that ended. `agreement` is the mean over all pairs, `entropy` of the positions in bits."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ROUND]})

    round: int
    consensus_score: float
    leader: str | None
    agreement: float
    confidence: float | None
    entropy: float
    flips: int
    unsupported_flips: int
    active: int


class DebateDetail(DebateView):
    model_config = ConfigDict(json_schema_extra={"examples": [{**_VIEW, "rounds": [_ROUND], "cursor": None}]})

    rounds: list[RoundView]
    cursor: int | None = Field(None, description="With ?with_cursor=true: the event seq to follow from")


class DebatePage(Page):
    debates: list[DebateView]


_STATEMENT: Final[JsonObject] = {
    "number": 1,
    "round": 1,
    "iteration": 1,
    "key": "r1.i1.s1",
    "type": "opening",
    "outcome": "said",
    "seat": 1,
    "agent_id": _ADA,
    "name": "Ada",
    "text": "One file is enough.",
    "position": "SQLite",
    "confidence": 0.8,
    "responds_to": [],
    "evidence_ids": [],
    "changed_because": None,
    "is_advocate": False,
    "detail": None,
    "at": _AT,
}


class StatementView(BaseModel):
    """One turn as it was published. `responds_to` are seats; `detail` says why there is nothing to read.

    `@2` in a text is the participant on seat 2.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_STATEMENT]})

    number: int
    round: int
    iteration: int
    key: str
    type: Literal["opening", "rebuttal", "counter", "conclusion", "argument", "statement"]
    outcome: Literal["said", "passed", "abstained", "timed_out"]
    seat: int
    agent_id: str | None
    name: str
    text: str
    position: str | None
    confidence: float | None
    responds_to: list[int]
    evidence_ids: list[str]
    changed_because: str | None = None
    is_advocate: bool
    detail: str | None = None
    at: datetime


class TranscriptPage(Page):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"debate_id": _DEBATE, "statements": [_STATEMENT], "total": 1, "skip": 0, "limit": 50}]
        }
    )

    debate_id: str
    statements: list[StatementView]
