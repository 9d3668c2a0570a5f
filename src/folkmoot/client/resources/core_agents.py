"""What operations of core_agents answer. Written by `make docs`."""

from folkmoot.client.resources.knowledge import Citation
from folkmoot.client.resources.runs import Approval
from folkmoot.client.wire import Resource
from folkmoot.kernel.json import JsonObject


class DynamicAgent(Resource):
    id: str
    number: int
    name: str
    role: str
    type: str
    status: str
    description: str


class DynamicAgentMade(Resource):
    success: bool
    agent: DynamicAgent
    spec_source: str
    message: str
    run_id: str


class Initialized(Resource):
    status: str
    message: str
    agents: JsonObject


class OperatorAnswer(Resource):
    success: bool
    agent: str
    response: str
    citations: list[Citation] | None = None
    unknown_citations: list[str] | None = None
    workflow_id: str
    run_id: str


class OperatorPending(Resource):
    """Driver has not finished: it waits for a person, or goes on without the request."""

    agent: str
    workflow_id: str
    run_id: str
    status: str
    waiting_for: str | None
    approvals: list[Approval]


class SystemState(Resource):
    api: str | None = None
    agents_initialized: bool
    database: str
