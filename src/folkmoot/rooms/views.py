"""Rows as the wire shows them, and as the rules of speech take them."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from folkmoot.conversations.tables import Message
from folkmoot.kernel.clock import iso
from folkmoot.kernel.json import JsonObject
from folkmoot.knowledge.citing import cited_in
from folkmoot.rooms.member_schemas import RoomMemberView
from folkmoot.rooms.message_schemas import ReactionView, RoomMessageView
from folkmoot.rooms.queries import RoomRow
from folkmoot.rooms.rules import Category, Floor, Manners, Schedule, Seat, Trigger, Window
from folkmoot.rooms.schemas import RoomSettings, RoomView, ScheduleSpec, TriggerSpec
from folkmoot.rooms.tables import Room, RoomMember

_NEVER = Schedule(zone="UTC", windows=())
Reactions = Mapping[str, Sequence[str]]


def settings_of(room: Room) -> RoomSettings:
    return RoomSettings.model_validate(room.settings)


def room_view(room: RoomRow) -> RoomView:
    return RoomView.model_validate(room, from_attributes=True)


def changes_of(room: RoomRow) -> JsonObject:
    """Of a room what speech changes."""
    return {
        "id": room.id,
        "last_seq": room.last_seq,
        "speaking_agent_id": room.speaking_agent_id,
        "speaking_run_id": room.speaking_run_id,
        "updated_at": iso(room.updated_at),
    }


def member_view(member: RoomMember) -> RoomMemberView:
    return RoomMemberView.model_validate(
        {
            **{name: getattr(member, name) for name in RoomMemberView.model_fields if name not in ("id", "trigger")},
            "id": f"{member.room_id}:{member.member_id}",
            "trigger": member.triggers,
        }
    )


def message_view(message: Message, reactions: Reactions) -> RoomMessageView:
    """Nothing is left of the text of a message that was deleted."""
    payload = message.payload or {}
    is_deleted = message.deleted_at is not None
    return RoomMessageView.model_validate(
        {
            **{name: getattr(message, name) for name in ("id", "seq", "reply_to", "run_id", "edited_at", "deleted_at")},
            "room_id": message.conversation_id,
            "content": "" if is_deleted else message.text,
            "sender_type": message.author_kind,
            "sender_id": message.author_id,
            "sender_name": str(payload.get("sender_name") or message.author_id),
            "models": message.models,
            **({} if is_deleted else cited_in(payload)),
            "attachments": [] if is_deleted else payload.get("attachments", []),
            "reactions": [ReactionView(emoji=emoji, author_ids=[*ids]) for emoji, ids in reactions.items()],
            "created_at": message.created_at,
        }
    )


def manners_of(room: Room) -> Manners:
    settings = settings_of(room)
    return Manners(
        room_id=room.id,
        seed=room.seed,
        ai_frequency=room.ai_frequency,
        max_speakers=settings.max_speakers,
        monologue_limit=settings.monologue_limit,
        mention_depth=settings.mention_depth,
        cooldown_seconds=settings.cooldown_seconds,
    )


def floor_of(room: Room, at: datetime) -> Floor:
    return Floor(at=at, last_at=room.last_message_at, monologue=room.monologue)


def seats_of(room: RoomRow, agents: Sequence[RoomMember]) -> list[Seat]:
    """The agents as speech sees them: who sleeps, or is in a room of mentions only, is never in schedule."""
    return [] if room.mode == "quiet" else [_seat(room, agent) for agent in agents]


def _seat(room: RoomRow, agent: RoomMember) -> Seat:
    is_unasked = room.mode == "open" and not agent.asleep
    return Seat(
        agent_id=agent.member_id,
        slug=str(agent.slug),
        category=Category(agent.category or Category.PARTICIPANT),
        joined_at=agent.created_at,
        trigger=_trigger(agent) if is_unasked else Trigger(),
        schedule=_schedule(agent) if is_unasked else _NEVER,
        spoke_at=agent.spoke_at,
        spoke_seq=agent.spoke_seq,
        heard=room.last_seq - max(agent.spoke_seq, agent.joined_seq),
    )


def _trigger(agent: RoomMember) -> Trigger:
    return Trigger(**TriggerSpec.model_validate(agent.triggers).model_dump()) if agent.triggers else Trigger()


def _schedule(agent: RoomMember) -> Schedule | None:
    if agent.schedule is None:
        return None
    given = ScheduleSpec.model_validate(agent.schedule)
    windows = (Window(days=frozenset(one.days), since=one.since, until=one.until) for one in given.windows)
    return Schedule(zone=given.zone, windows=tuple(windows))
