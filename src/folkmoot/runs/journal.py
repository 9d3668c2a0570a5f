"""The words of the journal: entries, the actions a procedure wants, the two interfaces every kind of run fills in."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

from folkmoot.kernel.facts import Fact
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.values import fixed
from folkmoot.llm.messages import Usage
from folkmoot.runs.held import CallAccount, Held

if TYPE_CHECKING:
    from folkmoot.db.tx import Tx
    from folkmoot.kernel.scope import Scope
    from folkmoot.runs.tables import Run

EntryKind = Literal["begun", "intended", "done", "waiting", "told", "controlled", "ended"]
FinalStatus = Literal["completed", "failed", "cancelled", "timeout"]
Effect = Literal["none", "idempotent", "unsafe"]
AskSubject = Literal["plan", "tool", "review", "question", "verdict", "message"]


@fixed
class Entry:
    """One line of a run's journal. Its data, by kind:

    begun {input, seed, version}; intended {tool, arguments, idempotency_key};
    done {value | fault{code, sentence, retryable}, usage?, by?}; waiting {for, ref, about?};
    told {author, data}; controlled {verb, by}; ended {status, stop_reason, result, fault?}.
    """

    seq: int
    at: datetime
    kind: EntryKind
    key: str
    data: JsonObject


@fixed(kw_only=True)
class Call:
    """Ask a language model. `recipe` says how the prompt is built from the state and the database."""

    key: str
    group: str
    role: str
    recipe: JsonObject
    agent_id: str | None = None
    output: str | None = None
    max_tokens: int = 4096
    closing: bool = False
    limit_seconds: float | None = None
    """Wall clock for everything of the group, retries and tools included; past it a call is cut off as `timed_out`."""


@fixed(kw_only=True)
class Use:
    """Use a tool. With an effect, `intended` is journalled before it and names its idempotency key."""

    key: str
    group: str
    tool: str
    arguments: JsonObject
    effect: Effect = "none"
    agent_id: str | None = None
    call_id: str = ""
    limit_seconds: float | None = None


@fixed(kw_only=True)
class Wait:
    """Wait for a time, holding no worker and no slot; `done` with value null is appended when it has come."""

    key: str
    until: datetime
    group: str = ""


@fixed(kw_only=True)
class Ask:
    """Ask a person and wait without a worker: an approval of that key exists from the entry `waiting` on.

    `done` holds {decision approve | reject | expired, feedback, revise, by}; a question's answer is its feedback.
    `detail` is what the person has to see, `on_expiry` the decision that an expired one counts as.
    """

    key: str
    group: str
    subject: AskSubject
    question: str
    detail: JsonObject = field(default_factory=dict)
    expires_seconds: int = 86_400
    on_expiry: Literal["approve", "reject"] = "reject"
    may_revise: bool = False
    agent_id: str | None = None
    about: str | None = None
    """The key of a use that may have happened already: an approval has it used again, else its agent is told."""


@fixed(kw_only=True)
class Spawn:
    """Start a child run and wait for its end, holding no worker.

    `done` holds {run_id, status, stop_reason, result, error}. A child rides on its root's admission and is
    cancelled with its parent.
    """

    key: str
    group: str
    kind: str
    title: str
    input: JsonObject
    agent_id: str | None = None


@fixed(kw_only=True)
class End:
    """The run is over. `said` is the answer in its result: what that cites is listed beside it."""

    status: FinalStatus
    stop_reason: str
    result: JsonObject | None = None
    said: str = ""
    error_code: str | None = None
    error_message: str | None = None
    key: str = "end"


Action = Call | Use | Ask | Wait | Spawn | End


@fixed(kw_only=True)
class Fault:
    """A named failure of one action: journalled as `done`, so that it is not tried again by accident."""

    code: str
    sentence: str
    retryable: bool = False


@fixed(kw_only=True)
class Outcome:
    """What came of a Call or Use: a value or a fault; or that it must be tried again, at `retry_at` or once it may.

    `by` names who answered (role, agent, language model) for logs. Everything in it is JSON that was
    validated: `apply` trusts it.
    """

    value: JsonObject | None = None
    fault: Fault | None = None
    usage: Usage | None = None
    by: JsonObject = field(default_factory=dict)
    retry_at: datetime | None = None
    held: Held | None = None


def fault_of(entry: Entry) -> Fault | None:
    """The fault that a `done` entry records, None where it has a value."""
    match entry.data.get("fault"):
        case {"code": code, "sentence": sentence, **more}:
            return Fault(code=str(code), sentence=str(sentence), retryable=more.get("retryable") is True)
        case _:
            return None


def is_closing(entry: Entry) -> bool:
    """Whether a budget is used up from this entry on: what is kept back of it is for a closing call alone."""
    return entry.kind == "controlled" and entry.key == "budget"


Settlement = Literal["cancelled", "timeout", "call_limit", "plan_rejected", "stopped", "budget"]

S = TypeVar("S")


class Procedure(Protocol[S]):
    """A pure reducer over the journal: `state = fold(journal)`, and nothing else is state.

    `apply` is total (an unknown entry returns the state as it is) and free of order among actions
    wanted together. Keys follow from the state alone.
    """

    def begin(self, entry: Entry) -> S: ...

    def apply(self, state: S, entry: Entry) -> S: ...

    def wanted(self, state: S) -> tuple[Action, ...]: ...

    def facts(self, state: S, entry: Entry) -> tuple[Fact, ...]:
        """The events an entry gives rise to; `state` already holds it."""
        ...

    def settle(self, state: S, reason: Settlement) -> End:
        """How the run ends if it must end now, keeping the results so far."""
        ...


class Live(Protocol):
    """What a call in flight may show before it is done: ephemeral, never journalled; and who pays for it."""

    @property
    def account(self) -> CallAccount | None:
        """None where no budget is over the run."""
        ...

    def text(self, delta: str) -> None: ...

    def reset(self) -> None:
        """What was shown so far is void: the model is asked again."""
        ...


class Executor(Protocol[S]):
    """One kind of run: its procedure, and the I/O its actions need.

    One whose runs may make more calls of language models than others has a `call_limit` besides.
    """

    kind: str
    version: int
    takes_slot: bool
    """Whether such a run counts against the workspace's live runs; replies do not."""

    @property
    def procedure(self) -> Procedure[S]: ...

    async def perform(self, run: Run, state: S, action: Call | Use, live: Live) -> Outcome:
        """Do it, outside any transaction: parse, repair once, validate. Raises only what is a bug."""
        ...

    def open(self, tx: Tx, scope: Scope, given: JsonObject) -> JsonObject:
        """Check the input in the unit that starts the run and answer what the journal shall hold of it.

        Raises a Problem where the run cannot be started.
        """
        ...

    def project(self, tx: Tx, run: Run, before: S, after: S, entry: Entry) -> None:
        """Write the owning room's rows that follow from an entry, in the unit that appends it."""
        ...
