"""What operations of rooms answer. Written by `make docs`."""

from datetime import datetime

from folkmoot.client.resources.knowledge import Citation
from folkmoot.client.wire import Resource
from folkmoot.kernel.json import JsonObject


class MessageAttachment(Resource):
    """An attachment as it was when the message was sent; `size` is the length of its text in characters."""

    document_id: str
    title: str
    media_type: str
    size: int
    status: str


class PresentAgent(Resource):
    """`speaking` is the one that is at work on what it will say."""

    agent_id: str
    name: str
    slug: str
    state: str


class PresentPerson(Resource):
    """Somebody with an open socket or stream that follows the room, or many; `since` is that of the oldest."""

    user_id: str
    name: str
    role: str
    since: datetime


class PromptMessage(Resource):
    role: str
    text: str


class Reaction(Resource):
    emoji: str
    author_ids: list[str]


class RoomBudget(Resource):
    """What the agents of a room may take in all, tokens of both directions; then they are silent."""

    usd: str | None = None
    tokens: int | None = None


class RoomMatch(Resource):
    """Where a word that was asked for stands: content[start:end] of the message, in characters."""

    start: int
    end: int


class RoomMessage(Resource):
    """A deleted message keeps its place and has no content. What an agent cites as [id] is listed beside it."""

    id: str
    room_id: str
    seq: int
    content: str
    sender_type: str
    sender_id: str
    sender_name: str
    reply_to: str | None
    run_id: str | None
    models: list[str]
    citations: list[Citation] | None = None
    unknown_citations: list[str] | None = None
    attachments: list[MessageAttachment] | None = None
    reactions: list[Reaction]
    edited_at: datetime | None
    deleted_at: datetime | None
    created_at: datetime


class RoomHit(Resource):
    """A message that was found. `text` is the part of it that holds most of what was asked for: content[start:end]
    in characters (Unicode code points); `matches` are the words in it.
    """

    room_id: str
    room_name: str
    message: RoomMessage
    score: float
    text: str
    start: int
    end: int
    matches: list[RoomMatch]


class RoomHits(Resource):
    """Best first, among equals the newest first."""

    total: int
    skip: int
    limit: int
    hits: list[RoomHit]


class WindowSpec(Resource):
    """Days of the week (Monday is 0) and local times; one that ends earlier than it begins spans midnight."""

    days: list[int] | None = None
    since: str | None = None
    until: str | None = None


class ScheduleSpec(Resource):
    """When an agent may speak unasked."""

    zone: str | None = None
    windows: list[WindowSpec]


class TriggerSpec(Resource):
    """Conditions under which an agent speaks unasked, joined by `join`."""

    message_count: int | None = None
    interval_seconds: int | None = None
    silence_seconds: int | None = None
    join: str | None = None


class RoomMember(Resource):
    """`id` is `{room_id}:{member_id}`: a member is known by both."""

    id: str
    room_id: str
    member_kind: str
    member_id: str
    name: str
    slug: str | None
    role: str | None
    category: str | None
    trigger: TriggerSpec | None
    schedule: ScheduleSpec | None
    asleep: bool
    last_read_seq: int
    created_at: datetime


class RoomMemberPage(Resource):
    total: int
    skip: int
    limit: int
    members: list[RoomMember]


class RoomMessageLog(Resource):
    """Messages in order; `next` is the `after_seq` of what follows, null at the end."""

    messages: list[RoomMessage]
    next: int | None


class RoomSettings(Resource):
    """The caps of speech, how much of the conversation is shown to agents, and how long messages are kept."""

    max_speakers: int | None = None
    monologue_limit: int | None = None
    mention_depth: int | None = None
    cooldown_seconds: int | None = None
    history_tokens: int | None = None
    passages: int | None = None
    retention_days: int | None = None
    budget: RoomBudget | None = None


class Room(Resource):
    """`speaking` says which agent is at work on what it will say; `last_seq` is that of the newest message."""

    id: str
    workspace_id: str
    project_id: str
    name: str
    description: str
    mode: str
    ai_frequency: float
    seed: int
    approval: bool
    settings: RoomSettings
    last_seq: int
    speaking_agent_id: str | None
    speaking_run_id: str | None
    created_at: datetime
    updated_at: datetime


class RoomPage(Resource):
    total: int
    skip: int
    limit: int
    rooms: list[Room]
    unread: JsonObject


class RoomPresence(Resource):
    """Who is in the room right now."""

    room_id: str
    people: list[PresentPerson]
    agents: list[PresentAgent]


class RoomPrompt(Resource):
    """What an agent would be sent if it spoke now."""

    agent_id: str
    messages: list[PromptMessage]
    tools: list[str]
    passage_ids: list[str]
    summary_version: int | None
    summarises_upto: int | None


class RoomWork(Resource):
    """The run that was started, and the message that says so."""

    run_id: str
    task_id: str | None
    message_id: str
