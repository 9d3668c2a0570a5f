"""Having an agent of a class do something: the method `on_<operation>` that its class has for it."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass

from folkmoot.agents.hooks import call_foreign
from folkmoot.agents.residents import Residents
from folkmoot.agents.tables import AgentDefinition, AgentInstance
from folkmoot.kernel.errors import BadGateway
from folkmoot.kernel.json import Json, JsonObject, dumps, loads
from folkmoot.kernel.supervisor import Supervisor

OPERATION_SECONDS = 3600.0
"""No operation of a class takes longer, whatever its run's deadline is."""


class MethodFailed(BadGateway):
    """A method of the agent's class failed"""


@dataclass(slots=True)
class _Answer:
    """What a method has returned so far."""

    value: Json = None


class Operations:
    """Of the agents of classes, in this process."""

    def __init__(self, residents: Residents, supervisor: Supervisor) -> None:
        self._residents = residents
        self._supervisor = supervisor

    def has_method(self, definition_slug: str, method: str) -> bool:
        """Whether the class of that definition, if there is one here, has the method."""
        return callable(getattr(self._residents.registry.get_class(definition_slug), method, None))

    def state(self, agent_id: str) -> JsonObject | None:
        """What the agent keeps of its own, None where it does not live here."""
        return self._residents.state(agent_id)

    async def do(
        self, definition: AgentDefinition, instance: AgentInstance, method: str, parameters: JsonObject
    ) -> Json:
        """What the agent's method returns. Raises MethodFailed.

        An agent that lives elsewhere, or not now, is made for this one call of what is stored of it.
        """
        agent, answer = self._residents.find(instance.id), _Answer()

        async def step() -> None:
            known = agent or await self._residents.registry.spawn_instance(definition, instance)
            if agent is None:
                await known.initialize()
            answer.value = loads(dumps(await _called(getattr(known, method), parameters)))
            if agent is None:
                await known.shutdown()

        failure = await call_foreign(self._supervisor, method, step, OPERATION_SECONDS)
        if failure is not None:
            raise MethodFailed(failure)
        return answer.value


async def _called(method: Callable[[JsonObject], object], parameters: JsonObject) -> object:
    answer = method(parameters)
    return await answer if inspect.isawaitable(answer) else answer
