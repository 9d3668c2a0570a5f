"""The wire of a chat with Ollama."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from folkmoot.http.text import Line, LongText
from folkmoot.kernel.json import LARGEST_INTEGER, JsonObject
from folkmoot.knowledge.citing import Citation
from folkmoot.llm.messages import Assistant, Message, System, User
from folkmoot.providers.model_schemas import CallUsage

MOST_TURNS = 500

_CHAT: JsonObject = {
    "model": "llama3.2:3b",
    "message": "And what about messages?",
    "agent_id": "01a1fdeb-528c-795c-a298-63e88eb6eb82",
    "conversation_history": [
        {"role": "user", "content": "What is promised about crashes?"},
        {"role": "assistant", "content": "After a crash every run goes on where it was."},
    ],
    "temperature": 0.7,
    "max_tokens": 2048,
}


class Turn(BaseModel):
    """What was said before. Other members that a client keeps with it are not sent on."""

    role: Literal["user", "assistant", "system"]
    content: LongText

    def message(self) -> Message:
        match self.role:
            case "user":
                return User(self.content)
            case "assistant":
                return Assistant(self.content)
            case "system":
                return System(self.content)


class NewOllamaChat(BaseModel):
    """`agent_id` is an agent's id, number or slug; nulls mean the defaults."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_CHAT]})

    model: Annotated[Line, Field(max_length=180)]
    message: LongText
    agent_id: Line | Annotated[int, Field(ge=0, le=LARGEST_INTEGER)] | None = None
    conversation_history: Annotated[list[Turn], Field(max_length=MOST_TURNS)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = 0.7
    max_tokens: Annotated[int, Field(ge=1, le=8192)] | None = 2048
    stream: bool = False


class OllamaChatView(BaseModel):
    """`conversation_id` is that of the standing conversation with the agent, null without one."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": "llama3.2:3b",
                    "message": "And what about messages?",
                    "response": "None is lost, and none comes twice.",
                    "citations": [],
                    "unknown_citations": [],
                    "agent_id": "01a1fdeb-528c-795c-a298-63e88eb6eb82",
                    "conversation_id": "01a1fdeb-52a2-7358-8a66-ed233ff30cf8",
                    "usage": {"input_tokens": 42, "output_tokens": 9, "cost_usd": "0"},
                    "created_at": "2026-11-21T11:43:40.212584Z",
                }
            ]
        }
    )

    model: str
    message: str
    response: str
    citations: tuple[Citation, ...] = ()
    unknown_citations: tuple[str, ...] = ()
    agent_id: str | None
    conversation_id: str | None
    usage: CallUsage
    created_at: datetime
