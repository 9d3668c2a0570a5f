"""A chat with one of Ollama's models: no run, one question with the history that the client sends along."""

from collections.abc import AsyncGenerator

from folkmoot.conversations.ollama_schemas import NewOllamaChat, OllamaChatView
from folkmoot.conversations.ollama_service import Chat, begin, keep, meter
from folkmoot.conversations.replies import shown_parts
from folkmoot.http.sse import part
from folkmoot.kernel.errors import Problem
from folkmoot.kernel.json import JsonObject, dumps
from folkmoot.kernel.scope import Scope
from folkmoot.llm.faults import ModelFault
from folkmoot.llm.gateway import Answer, Deltas, Request
from folkmoot.llm.messages import User
from folkmoot.providers.catalogue import of_ollama
from folkmoot.providers.first_call import call_usage
from folkmoot.runs.live import Watcher
from folkmoot.runtime import Runtime

_MOST_TOKENS = 2048


async def chat(process: Runtime, scope: Scope, new: NewOllamaChat) -> OllamaChatView:
    """Raises NoSuchAgent, NotInitialized, OllamaUnreachable, NoSuchOllamaModel or another ModelFault."""
    return await _answered(process, scope, new, await _begun(process, scope, new))


async def stream(process: Runtime, scope: Scope, new: NewOllamaChat) -> AsyncGenerator[bytes, None]:
    """As `chat`, as server-sent events; what goes wrong before the first word is raised here.

    Whoever stops reading does not stop the answer: it is kept and metered all the same.
    """
    begun = await _begun(process, scope, new)
    watcher = Watcher()
    asked = process.supervisor.start(_watched(process, scope, new, begun, watcher), "chat with Ollama")
    shown = shown_parts(watcher)
    first = await anext(shown, None)
    if first is None and isinstance(outcome := await asked, Problem):
        raise outcome

    async def whole() -> AsyncGenerator[bytes, None]:
        about: JsonObject = {"run_id": None, "conversation_id": begun.conversation_id, "message_id": begun.message_id}
        yield part("started", dumps(about))
        if first is not None:
            yield first
        async for following in shown:
            yield following
        outcome = await asked
        if isinstance(outcome, Problem):
            raise outcome
        yield part("done", outcome.model_dump_json())

    return whole()


async def _begun(process: Runtime, scope: Scope, new: NewOllamaChat) -> Chat:
    return await process.db.read(begin, scope, new.message, None if new.agent_id is None else str(new.agent_id))


async def _watched(
    process: Runtime, scope: Scope, new: NewOllamaChat, begun: Chat, watcher: Watcher
) -> OllamaChatView | Problem:
    """A problem is the outcome of the task, not raised by it: that would be logged as a bug."""
    try:
        return await _answered(process, scope, new, begun, _Shown(watcher))
    except Problem as problem:
        return problem
    finally:
        watcher.close()


async def _answered(
    process: Runtime, scope: Scope, new: NewOllamaChat, begun: Chat, deltas: Deltas | None = None
) -> OllamaChatView:
    answer = await _asked(process, scope, new, begun, deltas)
    kept = await process.db.write(keep, scope, begun, answer)
    return OllamaChatView.model_validate(
        {
            "model": new.model,
            "message": new.message,
            "response": answer.text,
            **kept.cited,
            "agent_id": begun.agent_id,
            "conversation_id": kept.conversation_id,
            "usage": call_usage(answer.usage),
            "created_at": kept.at,
        }
    )


async def _asked(process: Runtime, scope: Scope, new: NewOllamaChat, begun: Chat, deltas: Deltas | None) -> Answer:
    request = Request(
        workspace_id=scope.workspace_id,
        models=(f"ollama:{new.model.removeprefix('ollama:')}",),
        messages=(*(turn.message() for turn in new.conversation_history or ()), User(new.message)),
        max_tokens=new.max_tokens or _MOST_TOKENS,
        temperature=new.temperature,
    )
    try:
        async with of_ollama():
            return await process.gateway.ask(request, deltas)
    except ModelFault as fault:
        if fault.usage is not None:
            await process.db.write(meter, scope, begun, fault.usage)
        raise


class _Shown:
    """Deltas as a watcher takes them."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher

    def text(self, delta: str, /) -> None:
        self._watcher.add({"type": "delta", "key": "", "text": delta})

    def reset(self) -> None:
        self._watcher.add({"type": "delta_reset", "key": ""})
