"""What an agent would be sent if it spoke now."""

from folkmoot.agents.queries import get_agent
from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.kernel.scope import Actor, Scope
from folkmoot.knowledge.search import Search
from folkmoot.llm.messages import Assistant, Message, System, User
from folkmoot.rooms.prompt import room_prompt
from folkmoot.rooms.queries import NoSuchRoomMember, get_room
from folkmoot.rooms.scene import Material, material, with_passages
from folkmoot.rooms.schemas import PromptMessage, RoomPrompt
from folkmoot.rooms.summing import summing_upto
from folkmoot.tools.registry import ToolRegistry
from folkmoot.tools.service import offered


async def prompt_of(
    db: Database, search: Search, tools: ToolRegistry, scope: Scope, room_id: str, agent_ref: str
) -> RoomPrompt:
    """Raises NoSuchRoom, NoSuchAgent, NoSuchRoomMember."""
    known, upto = await db.read_long(_look, scope, room_id, agent_ref)
    agent_id = known.persona.agent_id
    speaking = Scope(scope.workspace_id, scope.project_id, Actor("agent", agent_id, "agent"))
    scene = await with_passages(search, speaking, known)
    offer = await offered(db, tools, speaking, known.config.tools)
    return RoomPrompt(
        agent_id=agent_id,
        messages=[_shown(message) for message in room_prompt(known.persona, scene)],
        tools=[*offer.names],
        passage_ids=[passage.id for passage in scene.passages],
        summary_version=known.summary_version,
        summarises_upto=upto,
    )


def _look(tx: Tx, scope: Scope, room_id: str, agent_ref: str) -> tuple[Material, int | None]:
    room = get_room(tx, scope, room_id)
    agent = get_agent(tx, scope, agent_ref)
    known = material(tx, scope, room.id, agent.id, room.last_seq)
    if known is None:
        raise NoSuchRoomMember
    return known, summing_upto(tx, room)


def _shown(message: Message) -> PromptMessage:
    match message:
        case System(text=text):
            return PromptMessage(role="system", text=text)
        case User(text=text):
            return PromptMessage(role="user", text=text)
        case Assistant(text=text):
            return PromptMessage(role="assistant", text=text)
        case _:
            return PromptMessage(role="tool", text=message.text)
