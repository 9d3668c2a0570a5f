"""Journals, their differences, runs told again, and forks on the wire."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from folkmoot.kernel.json import LARGEST_INTEGER, JsonObject
from folkmoot.runs.schemas import LogLine, RunUsage

_AT = "2026-11-21T11:43:40.086747Z"
_RUN, _OTHER = "01a1fdeb-4f25-7a67-9d73-cb2475345e05", "01a1fdec-0a11-7c2e-b1d2-6f0f4a5b9c33"


class NewFork(BaseModel):
    """From which position, and what is to be another in the input; what is not named stays as it was."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"after_seq": 2, "input": {"max_rounds": 3}}]}
    )

    after_seq: int = Field(ge=1, le=LARGEST_INTEGER, description="The last entry of the journal that is taken over")
    input: JsonObject = Field(default_factory=dict)


class EntryView(BaseModel):
    """`data` holds what the kind of entry says it does (docs/runs.md), with secrets hidden."""

    seq: int
    at: datetime
    kind: Literal["begun", "intended", "done", "waiting", "told", "controlled", "ended"]
    key: str
    data: JsonObject


class RunJournal(BaseModel):
    """`next` is the cursor to go on from, also where nothing more is there yet."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "entries": [
                        {
                            "seq": 7,
                            "at": _AT,
                            "kind": "done",
                            "key": "r1.review",
                            "data": {
                                "by": {"role": "reviewer", "prompt": "5f0c0f7e5d6b..."},
                                "value": {"output": {"decision": "approve", "findings": [], "confidence": 0.9}},
                            },
                        }
                    ],
                    "next": 7,
                }
            ]
        }
    )

    entries: list[EntryView]
    next: int


class DifferenceView(BaseModel):
    """An entry that only one of two journals has (the other's `seq` is null), or that says something else in each."""

    kind: str
    key: str
    seq: int | None
    other_seq: int | None
    patch: list[JsonObject] = Field(description="JSON Patch from this run's entry to the other's")


class RunDiff(BaseModel):
    """Two canonical journals: without control, times, ids, usage and what else chance leaves in them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "run_id": _RUN,
                    "other_run_id": _OTHER,
                    "is_same": False,
                    "differences": [
                        {
                            "kind": "done",
                            "key": "r1.review",
                            "seq": 7,
                            "other_seq": 7,
                            "patch": [{"op": "replace", "path": "/value/output/decision", "value": "reject"}],
                        }
                    ],
                }
            ]
        }
    )

    run_id: str
    other_run_id: str
    is_same: bool
    differences: list[DifferenceView] = Field(description="In the order in which the runs came to them")


class ReplayEvent(BaseModel):
    event_type: str
    data: JsonObject


class ReplayFrame(BaseModel):
    """One entry as followers of the run were told of it: a line of the log, its events, what was spent by then."""

    log: LogLine
    events: list[ReplayEvent]
    usage: RunUsage


class RunReplay(BaseModel):
    """`next` is the cursor to go on from, also where nothing more is there yet."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "frames": [
                        {
                            "log": {"seq": 7, "at": _AT, "level": "info", "message": "r1.review by reviewer is done"},
                            "events": [
                                {
                                    "event_type": "progress",
                                    "data": {
                                        "step": 3,
                                        "total_steps": 3,
                                        "current_phase": "review",
                                        "progress_percent": 95.0,
                                    },
                                }
                            ],
                            "usage": {
                                "input_tokens": 6173,
                                "output_tokens": 752,
                                "cost_usd": "0.0031",
                                "model_calls": 11,
                            },
                        }
                    ],
                    "next": 7,
                }
            ]
        }
    )

    frames: list[ReplayFrame]
    next: int
