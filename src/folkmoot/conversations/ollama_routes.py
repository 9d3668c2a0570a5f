"""A chat with Ollama over HTTP."""

from fastapi import APIRouter, Response

from folkmoot.agents.queries import NoSuchAgent, NotInitialized
from folkmoot.conversations import ollama
from folkmoot.conversations.ollama_schemas import NewOllamaChat, OllamaChatView
from folkmoot.http.deps import Process
from folkmoot.http.problems import problems
from folkmoot.http.sse import EventStream
from folkmoot.llm.faults import ModelFault, ModelTimeout, UnknownModel
from folkmoot.providers.catalogue import NoSuchOllamaModel, OllamaUnreachable
from folkmoot.workspaces.deps import Staying

router = APIRouter(prefix="/api", tags=["language models"])
_PARTS = 'event: delta\ndata: {"text": "None is lost"}\n\nevent: done\ndata: {"response": "None is lost"}\n\n'


@router.post(
    "/ollama/chat",
    response_model=OllamaChatView,
    responses={
        200: {"content": {"text/event-stream": {"example": _PARTS}}},
        **problems(
            NoSuchAgent,
            NoSuchOllamaModel,
            UnknownModel,
            ModelFault,
            OllamaUnreachable,
            NotInitialized,
            ModelTimeout,
        ),
    },
)
async def chat_with_ollama(process: Process, stay: Staying, new: NewOllamaChat) -> OllamaChatView | Response:
    """Ask one of Ollama's models; with `agent_id` both messages are kept in your standing conversation with that agent.

    With `stream` server-sent events of the answer being written. It is no run: what is asked twice is answered twice.
    """
    if new.stream:
        return EventStream(await ollama.stream(process, stay.scope, new), process.supervisor, stay.until_ended)
    return await ollama.chat(process, stay.scope, new)
