"""What a debate does beyond its pure procedure: asks, looks things up, checks its input, keeps its rows."""

from dataclasses import dataclass, replace

from folkmoot.agents.calls import AGENT_GONE, Asking, ask_for_turn, context_of, use_for_turn
from folkmoot.agents.queries import find_speaker, get_agent
from folkmoot.agents.schemas import AgentConfig
from folkmoot.agents.tables import Agent
from folkmoot.conversations.queries import documents_tagged
from folkmoot.db.tx import Tx
from folkmoot.debates.answers import form_of, kept
from folkmoot.debates.keeping import keep
from folkmoot.debates.order import seed_of, shuffled
from folkmoot.debates.procedure import DebateProcedure
from folkmoot.debates.prompts import Persona, prompt
from folkmoot.debates.schemas import AgentRef, NewDebate
from folkmoot.debates.sources import with_evidence
from folkmoot.debates.speaking import turn_of
from folkmoot.debates.state import DebateInput, DebateState, Participant
from folkmoot.kernel.errors import Invalid
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Actor, Scope
from folkmoot.llm.gateway import Gateway
from folkmoot.llm.messages import Message
from folkmoot.providers.queries import own_providers
from folkmoot.runs.engine import RunEngine
from folkmoot.runs.journal import Call, Entry, Live, Outcome, Use
from folkmoot.runs.tables import Run
from folkmoot.tools.registry import ToolRegistry
from folkmoot.tools.service import offered

DEBATE = "debate"


class AgentsNotDistinct(Invalid):
    """An agent cannot take part twice, nor moderate or judge a debate that it takes part in"""


@dataclass(frozen=True, slots=True)
class _Speaker:
    """An agent as it speaks now, and the documents it may search, None for all."""

    agent: Agent
    config: AgentConfig
    document_ids: tuple[str, ...] | None


class DebateExecutor:
    """Runs of kind `debate`."""

    kind = DEBATE
    version = 1
    takes_slot = True
    call_limit = 10_000
    procedure = DebateProcedure()

    def __init__(self, engine: RunEngine, gateway: Gateway, tools: ToolRegistry) -> None:
        self._engine = engine
        self._gateway = gateway
        self._tools = tools

    def open(self, tx: Tx, scope: Scope, given: JsonObject) -> JsonObject:
        """Agents by their ids, on seats drawn by the seed. Raises NoSuchAgent, AgentsNotDistinct, UnknownModel."""
        config = NewDebate.model_validate(given)
        rules = config.debate_rules
        agents = [get_agent(tx, scope, str(ref)) for ref in config.selected_agents]
        moderator, judge = (_id_of(tx, scope, ref) for ref in (rules.moderator_agent_id, rules.judge_agent_id))
        ids = [agent.id for agent in agents]
        if len({*ids}) < len(ids) or {moderator, judge} & {*ids}:
            raise AgentsNotDistinct
        seed = rules.seed if rules.seed is not None else seed_of(config.debate_topic, config.problem_statement)
        own = own_providers(tx, scope)
        named = {"moderator_agent_id": moderator, "judge_agent_id": judge, "seed": seed}
        opened = DebateInput(
            debate_id=new_id(),
            config=config.model_copy(
                update={"selected_agents": [*ids], "debate_rules": rules.model_copy(update=named)}
            ),
            seed=seed,
            participants=tuple(
                Participant(
                    seat=seat,
                    agent_id=agent.id,
                    name=agent.name,
                    slug=agent.slug,
                    model=self._gateway.check(AgentConfig.model_validate(agent.config).preferred_models, own)[0],
                )
                for seat, agent in enumerate(shuffled(agents, seed, "seats"), 1)
            ),
            moderator_agent_id=moderator,
            judge_agent_id=judge,
        )
        return opened.model_dump(mode="json")

    def project(self, tx: Tx, run: Run, before: DebateState, after: DebateState, entry: Entry) -> None:
        keep(tx, run, after, entry)

    async def perform(self, run: Run, state: DebateState, action: Call | Use, live: Live) -> Outcome:
        scope = Scope(run.workspace_id, run.project_id, Actor("agent", str(action.agent_id), "agent"))
        speaker = await self._engine.database.read(_speaker, scope)
        if speaker is None:
            return Outcome(fault=AGENT_GONE)
        wanted = speaker.config.tools if isinstance(action, Use) or action.output == "turn" else ()
        offer = await offered(self._engine.database, self._tools, scope, wanted)
        context = context_of(self._engine.database, run, scope, offer, action)
        context = replace(context, document_ids=speaker.document_ids)
        if isinstance(action, Use):
            return with_evidence(action, await use_for_turn(offer.tools, context, action))
        asking = Asking(
            role=action.role,
            workspace_id=run.workspace_id,
            agent_id=speaker.agent.id,
            messages=(*prompt(state, action.recipe, _persona(speaker)), *_transcript(state, action)),
            models=speaker.config.preferred_models,
            tools=offer.names,
            output=form_of(state, action),
            max_tokens=min(action.max_tokens, speaker.config.max_tokens),
            temperature=speaker.config.temperature,
            is_closing=action.closing,
            is_streamed=False,
            context=context if offer.names else None,
        )
        return kept(state, action, await ask_for_turn(self._gateway, offer.tools, asking, live))


def _id_of(tx: Tx, scope: Scope, ref: AgentRef | None) -> str | None:
    """Raises NoSuchAgent, NotInitialized."""
    return None if ref is None else get_agent(tx, scope, str(ref)).id


def _speaker(tx: Tx, scope: Scope) -> _Speaker | None:
    agent = find_speaker(tx, scope, scope.actor.id)
    if agent is None:
        return None
    config = AgentConfig.model_validate(agent.config)
    tags = config.knowledge_tags
    return _Speaker(agent, config, documents_tagged(tx, scope, tags) if tags else None)


def _persona(speaker: _Speaker) -> Persona:
    agent = speaker.agent
    return Persona(name=agent.name, description=agent.description, instructions=speaker.config.instructions)


def _transcript(state: DebateState, action: Call) -> tuple[Message, ...]:
    """What the turn has brought so far."""
    seat = action.recipe["seat"]
    return turn_of(state, seat).transcript if action.output == "turn" and isinstance(seat, int) else ()
