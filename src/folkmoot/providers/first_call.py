"""One call of a model, to see whether it answers: timed, metered, and told in the words of its fault."""

from dataclasses import dataclass
from time import perf_counter

from folkmoot.db.database import Database
from folkmoot.kernel.scope import Scope
from folkmoot.llm.embeddings import EmbedRequest
from folkmoot.llm.faults import ModelFault
from folkmoot.llm.gateway import Gateway, Request
from folkmoot.llm.messages import Usage, User
from folkmoot.providers.model_schemas import CallUsage, FaultView, ModelTestView, NewModelTest
from folkmoot.usage.service import Spender, record

_MOST_TOKENS = 1024  # a thinking model needs most of them before it says anything
KIND = "model_test"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Came:
    """What came of it."""

    model: str
    usage: Usage | None
    response: str | None = None
    dimensions: int | None = None
    fault: ModelFault | None = None


async def call_once(db: Database, gateway: Gateway, scope: Scope, new: NewModelTest) -> ModelTestView:
    """Raises UnknownModel, NoEmbeddings; what the call itself meets is the answer."""
    started = perf_counter()
    try:
        came = await (_vector(gateway, scope, new) if new.ability == "embeddings" else _answer(gateway, scope, new))
    except ModelFault as fault:
        came = _Came(model=str(fault.facts.get("model") or new.model), usage=fault.usage, fault=fault)
    latency = round(perf_counter() - started, 4)
    if came.usage is not None:
        spender = Spender(workspace_id=scope.workspace_id, project_id=scope.project_id, kind=KIND)
        await db.write(record, spender, came.usage)
    return ModelTestView(
        model=came.model,
        ok=came.fault is None,
        latency_seconds=latency,
        response=came.response,
        dimensions=came.dimensions,
        usage=None if came.usage is None else call_usage(came.usage),
        error=None if came.fault is None else fault_view(came.fault),
    )


async def _answer(gateway: Gateway, scope: Scope, new: NewModelTest) -> _Came:
    request = Request(
        workspace_id=scope.workspace_id,
        models=() if new.model is None else (new.model,),
        messages=(User(new.message),),
        max_tokens=_MOST_TOKENS,
        is_single=True,
    )
    answer = await gateway.ask(request)
    return _Came(model=answer.models[-1], usage=answer.usage, response=answer.text)


async def _vector(gateway: Gateway, scope: Scope, new: NewModelTest) -> _Came:
    request = EmbedRequest(texts=(new.message,), model=new.model, workspace_id=scope.workspace_id, is_single=True)
    found = await gateway.embed(request)
    return _Came(model=found.model, usage=found.usage, dimensions=len(found.vectors[0]))


def call_usage(usage: Usage) -> CallUsage:
    return CallUsage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cost_usd=None if usage.cost is None else format(usage.cost, "f"),
    )


def fault_view(fault: ModelFault) -> FaultView:
    return FaultView(code=fault.code, sentence=fault.detail, retryable=fault.retryable)
