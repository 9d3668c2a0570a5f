"""A stored report, read back into the parts that a page or a text shows."""

from pydantic import BaseModel, ConfigDict, Field

from folkmoot.debates.schemas import RoundView, StatementView


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Decision(_Part):
    rule: str
    type: str
    winner: str | None
    support: float


class Tallied(_Part):
    winner: str | None
    type: str
    votes: dict[str, float]


class Votes(_Part):
    initial: Tallied
    final: Tallied


class Held(_Part):
    round: int
    position: str


class Seated(_Part):
    seat: int
    kind: str
    name: str
    model: str | None
    initial_position: str | None
    final_position: str | None
    confidence: float | None
    positions: tuple[Held, ...]
    turns: int
    flips: int
    unsupported_flips: int
    timeouts: int
    abstentions: int
    is_active: bool

    def position_after(self, round_: int) -> str | None:
        """The last one held up to the end of a round; None before the first."""
        return next((held.position for held in reversed(self.positions) if held.round <= round_), None)


class Move(_Part):
    name: str
    round: int
    since: str | None = Field(alias="from")
    to: str | None
    changed_because: str | None
    evidence: tuple[str, ...]


class Argument(_Part):
    number: int
    name: str
    text: str


class Dissent(_Part):
    position: str | None
    names: tuple[str, ...]
    best_argument: Argument | None


class Cited(_Part):
    id: str
    is_known: bool
    title: str | None
    text: str | None
    cited_by: tuple[int, ...]


class Warned(_Part):
    code: str
    sentence: str


class Spent(_Part):
    model_calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: str | None


class Settings(_Part):
    debate_topic: str
    problem_statement: str
    debate_mode: str
    max_rounds: int
    consensus_threshold: float


class Report(_Part):
    """What `report` makes, as far as it is shown to people."""

    debate_id: str
    config: Settings
    seed: int
    status: str
    stop_reason: str
    decision: Decision
    rounds: tuple[RoundView, ...]
    votes: Votes
    moved: tuple[Move, ...]
    participants: tuple[Seated, ...]
    dissent: tuple[Dissent, ...]
    evidence: tuple[Cited, ...]
    transcript: tuple[StatementView, ...]
    warnings: tuple[Warned, ...]
    usage: Spent
    began_at: str
    ended_at: str
    duration_seconds: float
    hash: str

    @property
    def verdict(self) -> str:
        """The decision in one sentence."""
        decision = self.decision
        share = f"{decision.support:.0%}"
        if decision.winner is None:
            return f"No decision: {decision.type}."
        by = "" if decision.rule == decision.type else f", decided by {decision.rule.replace('_', ' ')}"
        return f"{decision.winner}: {decision.type}, support {share}{by}."

    @property
    def change(self) -> str:
        """What the debate did to the vote: always said, because votes alone explain most of what debates gain."""
        first, last = self.votes.initial.winner, self.votes.final.winner
        if first == last:
            return f"The vote was the same before the debate ({first or 'none'})."
        return f"Before the debate the vote was {first or 'undecided'}, after it {last or 'undecided'}."

    @property
    def cost(self) -> str:
        price = "cost unknown" if self.usage.cost_usd is None else f"{self.usage.cost_usd} USD"
        tokens = self.usage.input_tokens + self.usage.output_tokens
        return f"{self.usage.model_calls} model calls, {tokens} tokens, {price}, {self.duration_seconds:g} seconds"
