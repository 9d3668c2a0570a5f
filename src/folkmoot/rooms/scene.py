"""Reading what an agent is shown of its room: the agent, the room, what was said, what it knows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from folkmoot.agents.queries import find_speaker
from folkmoot.agents.schemas import AgentConfig
from folkmoot.contexts.queries import Named, OfAgent, find_named_context
from folkmoot.contexts.reading import reading_at
from folkmoot.conversations.queries import documents_tagged
from folkmoot.conversations.tables import Message
from folkmoot.db.tx import Tx
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge.citing import Retrieved
from folkmoot.knowledge.queries import Within, beginnings, titles_of_room
from folkmoot.knowledge.search import Search
from folkmoot.rooms.attachment_schemas import MessageAttachment
from folkmoot.rooms.prompt import Line, Persona, Scene
from folkmoot.rooms.queries import find_member, find_room_row, find_summary, list_members, spoken
from folkmoot.rooms.summing import CHARACTERS_PER_TOKEN, MOST_MESSAGES
from folkmoot.rooms.tables import RoomMember
from folkmoot.rooms.views import settings_of

MOST_NAMED = 20
"""Attachments that an agent is told the names of, the newest ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Everything but the passages: `question` is what those are looked for by, in `documents` (None for all).

    What is attached to the room is looked through whatever the documents are; `beginnings` are those of what came
    with the question.
    """

    room_id: str
    persona: Persona
    config: AgentConfig
    scene: Scene
    question: str
    beginnings: Sequence[Retrieved]
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
    asked = next((line for line in reversed(said) if line.author_id != agent_id), None)
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
        attached=titles_of_room(tx, room_id, MOST_NAMED),
    )
    return Material(
        room_id=room_id,
        persona=persona,
        config=config,
        scene=scene,
        question=asked.text if asked else "",
        beginnings=beginnings(tx, scope, room_id, asked.attached) if asked and asked.attached else (),
        passages=settings.passages,
        documents=documents_tagged(tx, scope, config.knowledge_tags) if config.knowledge_tags else None,
        summary_version=summary.version if summary else None,
    )


def lines(tx: Tx, room_id: str, after: int, upto: int) -> list[Line]:
    """What was said in after < seq <= upto, the newest part of it, oldest first."""
    return [_line(row) for row in spoken(tx, room_id, after, upto, MOST_MESSAGES)]


def _line(message: Message) -> Line:
    """With the names of the files that came with it."""
    payload = message.payload or {}
    listed = payload.get("attachments")
    attached = [MessageAttachment.model_validate(one) for one in listed] if isinstance(listed, list) else []
    names = ", ".join(one.title for one in attached)
    text = f"{message.text}\n(Attached: {names})".lstrip() if attached else message.text
    name = str(payload.get("sender_name") or message.author_id)
    return Line(message.author_id, name, text, [one.document_id for one in attached])


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
    """The scene with the passages that bear on what was said last, and the beginning of each file that came with it."""
    if known.passages == 0 or not known.question.strip():
        return known.scene
    within = Within(document_ids=known.documents, room_id=known.room_id)
    found = await search.find(scope, known.question[:2000], known.passages, within)
    there = {passage.id for passage in found.passages}
    begun = [passage for passage in known.beginnings if passage.id not in there][: known.passages]
    return replace(known.scene, passages=[*found.passages[: known.passages - len(begun)], *begun])
