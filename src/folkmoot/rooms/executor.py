"""What an agent's turn in a room does beyond its pure procedure: prompts, tools, summaries, publication."""

from dataclasses import replace

from pydantic import BaseModel, Field

from folkmoot.agents.calls import Asking, ask_for_turn, context_of, form, use_for_turn
from folkmoot.db.tx import Tx
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Actor, Scope
from folkmoot.knowledge.citing import cited_in
from folkmoot.knowledge.search import Search
from folkmoot.llm.gateway import Gateway
from folkmoot.llm.messages import Message
from folkmoot.rooms.prompt import anew, review_prompt, room_prompt, summary_prompt
from folkmoot.rooms.queries import find_summary
from folkmoot.rooms.scene import Material, lines, material, with_passages
from folkmoot.rooms.speech import ROOM_REPLY, Utterance, finish_turn
from folkmoot.rooms.summing import keep_summary
from folkmoot.rooms.workflow import SUMMARY, RoomReplyProcedure, Speaking
from folkmoot.runs.engine import RunEngine
from folkmoot.runs.journal import Call, Entry, Fault, Live, Outcome, Use
from folkmoot.runs.tables import Run
from folkmoot.tools.registry import ToolRegistry
from folkmoot.tools.service import offered

_GONE = Fault(code="agent_gone", sentence="The agent is not in the room any more")


class MessageVerdict(BaseModel):
    """An instructor's decision on what a participant proposes to say."""

    publish: bool
    reason: str = Field("", max_length=2000)


_VERDICT = form(MessageVerdict)


class RoomReplyExecutor:
    """Runs of kind `room_reply`."""

    kind = ROOM_REPLY
    version = 1
    takes_slot = False
    procedure = RoomReplyProcedure()

    def __init__(self, engine: RunEngine, gateway: Gateway, tools: ToolRegistry) -> None:
        self._engine = engine
        self._gateway = gateway
        self._tools = tools
        self._search = Search(engine.database, gateway)

    def open(self, tx: Tx, scope: Scope, given: JsonObject) -> JsonObject:
        """The unit that gives an agent its turn has decided all of it."""
        return given

    def project(self, tx: Tx, run: Run, before: Speaking, after: Speaking, entry: Entry) -> None:
        room_id = str(after.asked["room_id"])
        if entry.kind == "ended":
            is_said = entry.data["status"] == "completed"
            finish_turn(tx, self._engine, run, room_id, _utterance(after, entry) if is_said else None)
        elif entry.kind == "done" and entry.key.startswith(f"{SUMMARY}.") and after.summing is not None:
            answer, upto = after.summing.answer, after.asked.get("summarise_upto")
            if answer is not None and answer.text.strip() and isinstance(upto, int):
                keep_summary(tx, room_id, upto, answer.text.strip(), run.id)

    async def perform(self, run: Run, state: Speaking, action: Call | Use, live: Live) -> Outcome:
        scope = Scope(run.workspace_id, run.project_id, Actor("agent", str(action.agent_id), "agent"))
        known = await self._engine.database.read(_material, scope, state)
        if known is None:
            return Outcome(fault=_GONE)
        offer = await offered(self._engine.database, self._tools, scope, known.config.tools)
        context = context_of(self._engine.database, run, scope, offer, action)
        context = replace(context, document_ids=known.documents, room_id=known.room_id)
        if isinstance(action, Use):
            return await use_for_turn(offer.tools, context, action)
        is_reply = action.role == "agent"
        asking = Asking(
            role=action.role,
            workspace_id=run.workspace_id,
            agent_id=scope.actor.id,
            messages=await self._messages(scope, state, action, known),
            models=known.config.preferred_models,
            tools=offer.names if is_reply else (),
            output=_VERDICT if action.output == "verdict" else None,
            max_tokens=min(action.max_tokens, known.config.max_tokens),
            temperature=known.config.temperature,
            is_closing=action.closing,
            is_streamed=is_reply and not state.is_proposal,
            context=context if is_reply and offer.names else None,
        )
        return await ask_for_turn(self._gateway, offer.tools, asking, live)

    async def _messages(self, scope: Scope, state: Speaking, call: Call, known: Material) -> tuple[Message, ...]:
        if call.role == "summariser":
            return await self._engine.database.read(_summing, state.asked)
        if call.role == "instructor":
            return review_prompt(known.persona, known.scene, str(state.asked.get("agent_name")), state.text)
        scene = await with_passages(self._search, scope, known)
        return room_prompt(known.persona, scene, _transcript(state))


def _material(tx: Tx, scope: Scope, state: Speaking) -> Material | None:
    asked = state.asked
    upto = asked["upto"]
    assert isinstance(upto, int), "the unit that gave the turn wrote it"
    return material(tx, scope, str(asked["room_id"]), scope.actor.id, upto)


def _summing(tx: Tx, asked: JsonObject) -> tuple[Message, ...]:
    room_id, upto = str(asked["room_id"]), asked["summarise_upto"]
    assert isinstance(upto, int), "else no summary is due"
    known = find_summary(tx, room_id)
    said = lines(tx, room_id, known.upto_seq if known else 0, upto)
    return summary_prompt(known.text if known else None, said)


def _transcript(state: Speaking) -> tuple[Message, ...]:
    """What the attempts so far have brought, each with why it was not published."""
    messages: list[Message] = []
    for turn, feedback in zip(state.turns, state.feedback, strict=False):
        messages += [*turn.transcript, anew(feedback)]
    return (*messages, *state.turn.transcript)


def _utterance(state: Speaking, ended: Entry) -> Utterance | None:
    text, asked, result = state.published, state.asked, ended.data["result"]
    if text is None:
        return None
    depth, reply_to = asked.get("depth"), asked.get("reply_to")
    return Utterance(
        agent=Actor("agent", str(asked["agent_id"]), str(asked["agent_name"])),
        text=text,
        reply_to=reply_to if isinstance(reply_to, str) else None,
        depth=depth if isinstance(depth, int) else 0,
        models=state.models,
        cited=cited_in(result) if isinstance(result, dict) else {},
    )
