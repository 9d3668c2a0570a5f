"""What operations of debates answer. Written by `make docs`."""

from datetime import datetime

from folkmoot.client.wire import Resource
from folkmoot.kernel.json import JsonObject


class NextTurn(Resource):
    """What is due: whose turns, or ballots, at once where there are several."""

    kind: str
    key: str
    round: int
    iteration: int
    agent_ids: list[str]


class Participant(Resource):
    """`seat` is the order of speaking; a person who spoke has one behind the agents'. `alias` is what reports say."""

    seat: int
    kind: str
    agent_id: str | None
    name: str
    slug: str | None
    model: str | None
    position: str | None
    confidence: float | None
    is_active: bool
    turns: int


class Round(Resource):
    """A round that ended. `agreement` is the mean over all pairs, `entropy` of the positions in bits."""

    round: int
    consensus_score: float
    leader: str | None
    agreement: float
    confidence: float | None
    entropy: float
    flips: int
    unsupported_flips: int
    active: int


class DebateDetail(Resource):
    debate_id: str
    run_id: str
    workspace_id: str
    project_id: str
    status: str
    config: JsonObject
    current_round: int
    current_iteration: int
    next_turn: NextTurn | None
    consensus_score: float | None
    leader: str | None
    total_arguments: int
    participants: list[Participant]
    created_at: datetime
    updated_at: datetime
    rounds: list[Round]
    cursor: int | None = None


class DebateInitialized(Resource):
    debate_id: str
    status: str
    run_id: str


class Debate(Resource):
    """`consensus_score` (0..1) and `leader` are those of the last round that ended, null before."""

    debate_id: str
    run_id: str
    workspace_id: str
    project_id: str
    status: str
    config: JsonObject
    current_round: int
    current_iteration: int
    next_turn: NextTurn | None
    consensus_score: float | None
    leader: str | None
    total_arguments: int
    participants: list[Participant]
    created_at: datetime
    updated_at: datetime


class DebatePage(Resource):
    total: int
    skip: int
    limit: int
    debates: list[Debate]


class Statement(Resource):
    """One turn as it was published. `responds_to` are seats; `detail` says why there is nothing to read."""

    number: int
    round: int
    iteration: int
    key: str
    type: str
    outcome: str
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


class TranscriptPage(Resource):
    total: int
    skip: int
    limit: int
    debate_id: str
    statements: list[Statement]
