"""What a call of an agent that replies takes: who speaks, how, and what was said up to the question."""

from folkmoot.agents.queries import find_speaker
from folkmoot.agents.schemas import AgentConfig
from folkmoot.agents.tables import Agent
from folkmoot.conversations.prompt import Said
from folkmoot.conversations.queries import history
from folkmoot.db.tx import Tx
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.kernel.values import fixed

_MOST_HEARD = 256


@fixed
class Material:
    agent: Agent
    config: AgentConfig
    said: list[Said]


def read_material(tx: Tx, scope: Scope, asked: JsonObject) -> Material | None:
    """None where the agent is gone."""
    agent = find_speaker(tx, scope, str(asked["agent_id"]))
    return None if agent is None else material_for(tx, agent, AgentConfig.model_validate(agent.config), asked)


def material_for(tx: Tx, agent: Agent, config: AgentConfig, asked: JsonObject) -> Material:
    upto = asked["history_upto"]
    assert isinstance(upto, int), "the verb that stored the question wrote it"
    rows = history(tx, str(asked["conversation_id"]), upto, config.history_limit)
    return Material(agent, config, [Said(row.direction == "outbound", row.text) for row in rows])


class Heard:
    """What the unit that stored a question has read already, for the first call of a run that begins in this process.

    Nothing depends on it: what is not here is read.
    """

    def __init__(self) -> None:
        self._by_run: dict[str, Material] = {}

    def keep(self, run_id: str, material: Material) -> None:
        if len(self._by_run) >= _MOST_HEARD:
            self._by_run.clear()
        self._by_run[run_id] = material

    def __len__(self) -> int:
        return len(self._by_run)

    def take(self, run_id: str) -> Material | None:
        return self._by_run.pop(run_id, None)
