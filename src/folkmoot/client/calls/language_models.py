"""Calls of language_models. Written by `make docs`."""

from collections.abc import Sequence

from folkmoot.client import wire
from folkmoot.client.resources.conversations import OllamaChat
from folkmoot.client.resources.providers import ModelPage, ModelTest, OllamaModels
from folkmoot.client.wire import Call
from folkmoot.kernel.json import JsonObject


def list_models(
    *, provider: str | None = None, ability: str | None = None, skip: int | None = None, limit: int | None = None
) -> Call[ModelPage]:
    """Every model of every configured provider; one that does not answer is listed without models, and why."""
    return Call(
        "GET",
        "/api/models",
        wire.one(ModelPage),
        query={"provider": provider, "ability": ability, "skip": skip, "limit": limit},
    )


def try_model(*, model: str | None = None, message: str | None = None, ability: str | None = None) -> Call[ModelTest]:
    """Make one call and tell how long it took, or why there is no answer; it is metered like any other."""
    return Call(
        "POST", "/api/models/test", wire.one(ModelTest), body={"model": model, "message": message, "ability": ability}
    )


def list_ollama_models() -> Call[OllamaModels]:
    """The models that Ollama has at OLLAMA_HOST."""
    return Call("GET", "/api/ollama/models", wire.one(OllamaModels))


def chat_with_ollama(
    model: str,
    message: str,
    *,
    agent_id: str | int | None = None,
    conversation_history: Sequence[JsonObject] | None = None,
    temperature: float | None = None,
    max_tokens: int | None = None,
    stream: bool | None = None,
) -> Call[OllamaChat]:
    """Ask one of Ollama's models; with `agent_id` both messages are kept in your standing conversation with that
    agent.
    """
    return Call(
        "POST",
        "/api/ollama/chat",
        wire.one(OllamaChat),
        body={
            "model": model,
            "message": message,
            "agent_id": agent_id,
            "conversation_history": conversation_history,
            "temperature": temperature,
            "max_tokens": max_tokens,
            "stream": stream,
        },
    )
