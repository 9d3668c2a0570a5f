"""Runtime: the infrastructure the process holds open, built once, closed once."""

from dataclasses import dataclass

from folkmoot.db.database import Database
from folkmoot.engine.dispatch import Dispatcher
from folkmoot.events.follow import EventHub
from folkmoot.events.relay import Relay
from folkmoot.kernel.supervisor import Supervisor
from folkmoot.llm.gateway import Gateway


@dataclass(frozen=True, slots=True)
class Runtime:
    db: Database
    hub: EventHub
    gateway: Gateway
    dispatcher: Dispatcher
    supervisor: Supervisor
    relay: Relay
    host_id: str
