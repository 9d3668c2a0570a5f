"""Reading what an agent is shown of its room: the agent, the room, what was said, what it knows."""

from dataclasses import dataclass, replace

from folkmoot.agents.queries import find_speaker
from folkmoot.agents.schemas import AgentConfig
from folkmoot.contexts.queries import Named, OfAgent, find_named_context
from folkmoot.contexts.reading import reading_at
from folkmoot.conversations.queries import documents_tagged
from folkmoot.db.tx import Tx
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge.queries import EVERYTHING, Within
from folkmoot.knowledge.search import Search
from folkmoot.rooms.prompt import Line, Persona, Scene
from folkmoot.rooms.queries import find_member, find_room_row, find_summary, list_members, spoken
from folkmoot.rooms.summing import CHARACTERS_PER_TOKEN, MOST_MESSAGES
from folkmoot.rooms.tables import RoomMember
from folkmoot.rooms.views import settings_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Everything but the passages: `question` is what those are looked for by, in `documents` (None for all)."""

    persona: Persona
    config: AgentConfig
    scene: Scene
    question: str
    passages: int
    documents: tuple[str, ...] | None
    summary_version: int | None


def material(tx: Tx, scope: Scope, room_id: str, agent_id: str, upto: int) -> Material | None:
    """As of the message with that seq; None where the room, or the agent in it, is gone."""
    room, member = find_room_row(tx, room_id), find_member(tx, room_id, agent_id)
    agent = find_speaker(tx, scope, agent_id)
    if room is None or member is None or agent is None:
        return None
    config = AgentConfig.model_validate(agent.config)
    summary, settings = find_summary(tx, room_id), settings_of(room)
    said = _within(
        lines(tx, room_id, summary.upto_seq if summary else 0, upto), settings.history_tokens * CHARACTERS_PER_TOKEN
    )
    persona = Persona(
        agent_id=agent_id,
        name=agent.name,
        slug=str(member.slug),
        description=agent.description,
        instructions=config.instructions,
    )
    scene = Scene(
        name=room.name,
        purpose=room.description,
        members=[_introduced(one) for one in list_members(tx, room_id)],
        said=said,
        summary=summary.text if summary else None,
        shared=_shared(tx, scope, agent_id),
    )
    return Material(
        persona=persona,
        config=config,
        scene=scene,
        question=next((line.text for line in reversed(said) if line.author_id != agent_id), ""),
        passages=settings.passages,
        documents=documents_tagged(tx, scope, config.knowledge_tags) if config.knowledge_tags else None,
        summary_version=summary.version if summary else None,
    )


def lines(tx: Tx, room_id: str, after: int, upto: int) -> list[Line]:
    """What was said in after < seq <= upto, the newest part of it, oldest first."""
    return [
        Line(row.author_id, str((row.payload or {}).get("sender_name") or row.author_id), row.text)
        for row in spoken(tx, room_id, after, upto, MOST_MESSAGES)
    ]


def _within(said: list[Line], characters: int) -> list[Line]:
    """The newest that fit, and the last one always."""
    left, first = characters, len(said)
    while first > 0:
        left -= len(said[first - 1].text)
        if left < 0 and first < len(said):
            break
        first -= 1
    return said[first:]


def _introduced(member: RoomMember) -> str:
    if member.member_kind == "agent":
        return f"{member.name} (@{member.slug}), an agent, {member.category}"
    return f"{member.name}, a person"


def _shared(tx: Tx, scope: Scope, agent_id: str) -> JsonObject:
    """The agent's own context of the name that is used by default, as it is now."""
    context = find_named_context(tx, scope, Named(OfAgent(agent_id)))
    if context is None:
        return {}
    version = reading_at(tx, context).version
    return version.data if version is not None else {}


async def with_passages(search: Search, scope: Scope, known: Material) -> Scene:
    """The scene with the passages that bear on what was said last."""
    if known.passages == 0 or not known.question.strip():
        return known.scene
    within = EVERYTHING if known.documents is None else Within(document_ids=known.documents)
    found = await search.find(scope, known.question[:2000], known.passages, within)
    return replace(known.scene, passages=found.passages)
