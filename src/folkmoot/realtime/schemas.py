"""Events over HTTP, on the wire."""

from pydantic import BaseModel, ConfigDict

from folkmoot.kernel.json import JsonObject


class EventPage(BaseModel):
    """Frames as every socket sends them; `next` is the seq to go on from.

    `reset` says that events after the cursor are no longer kept, or never were: fetch anew what you know.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "events": [
                        {
                            "event_type": "agent_status_changed",
                            "timestamp": "2026-11-21T11:43:39.311652Z",
                            "seq": 9,
                            "workspace_id": "01a1fdeb-4e2b-736f-9bc5-3f195b7ea217",
                            "agent_id": "01a1fdeb-528c-795c-a298-63e88eb6eb82",
                            "data": {"previous_status": "idle", "status": "busy", "error": None},
                        }
                    ],
                    "next": 9,
                    "oldest": 1,
                    "latest": 9,
                    "reset": False,
                }
            ]
        }
    )

    events: list[JsonObject]
    next: int
    oldest: int
    latest: int
    reset: bool
