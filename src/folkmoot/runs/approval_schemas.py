"""Approvals on the wire: what a run asks a person, and the decision."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from folkmoot.http.schemas import Page
from folkmoot.http.text import Text
from folkmoot.kernel.json import JsonObject
from folkmoot.runs.journal import AskSubject

ApprovalStatus = Literal["pending", "approved", "rejected", "expired", "withdrawn"]
Decision = Literal["approve", "reject"]
Feedback = Annotated[Text, Field(max_length=20_000)]

_APPROVAL: JsonObject = {
    "id": "01a1fdeb-5a25-7a67-9d73-cb2475345e05",
    "workspace_id": "01a1fdeb-4e2b-736f-9bc5-3f195b7ea217",
    "project_id": "01a1fdeb-4e2b-7fcb-8194-8f8fed760416",
    "run_id": "01a1fdeb-4f25-7a67-9d73-cb2475345e05",
    "run_title": "Crash promises",
    "run_kind": "team",
    "task_id": "01a1fdeb-4f1c-7e24-8a48-bf93d8189c23",
    "agent_id": None,
    "key": "plan.1.approval",
    "subject": "plan",
    "question": "Shall the team work by this plan?",
    "detail": {"steps": [{"id": "s1", "title": "Gather what bears on crashes", "role": "engineer"}]},
    "may_revise": True,
    "status": "rejected",
    "decision": "reject",
    "feedback": "Leave the second step out",
    "revise": True,
    "decided_by": {"kind": "user", "id": "local", "name": "Local owner"},
    "decided_at": "2026-11-21T11:44:02.500000Z",
    "on_expiry": "reject",
    "expires_at": "2026-11-21T11:48:39.301998Z",
    "created_at": "2026-11-21T11:43:39.301998Z",
    "updated_at": "2026-11-21T11:44:02.500000Z",
}


class ApprovalView(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [_APPROVAL]})

    id: str
    workspace_id: str
    project_id: str
    run_id: str
    run_title: str
    run_kind: str
    task_id: str | None
    agent_id: str | None = Field(description="The agent that asks, where it is one")
    key: str = Field(description="The action of the run's journal that waits for this")
    subject: AskSubject
    question: str
    detail: JsonObject = Field(description="What has to be seen to decide")
    may_revise: bool = Field(description="Whether a rejection may ask for another try")
    status: ApprovalStatus
    decision: Decision | None = Field(description="What counts; of an expired one its `on_expiry`")
    feedback: str | None = Field(description="What was said with the decision; the answer to a question")
    revise: bool
    decided_by: JsonObject | None = Field(description="Who decided, with kind, id and name; null where nobody has")
    decided_at: datetime | None
    on_expiry: Decision
    expires_at: datetime
    created_at: datetime
    updated_at: datetime


class ApprovalPage(Page):
    approvals: list[ApprovalView]


class Resolution(BaseModel):
    """A decision. A question is answered by approving with the answer as `feedback`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"decision": "reject", "feedback": "Leave the second step out", "revise": True}]
        },
    )

    decision: Decision
    feedback: Feedback | None = None
    revise: bool = Field(False, description="With a rejection, where `may_revise`: try again by the feedback")


class RunApproval(BaseModel):
    """A decision on the one thing that a run asks."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"approved": True, "feedback": "Go ahead"}]}
    )

    approved: bool
    feedback: Feedback | None = None
    revise: bool = False

    def as_resolution(self) -> Resolution:
        decision: Decision = "approve" if self.approved else "reject"
        return Resolution(decision=decision, feedback=self.feedback, revise=self.revise)
