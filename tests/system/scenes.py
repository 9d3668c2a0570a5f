"""Rooms in which it is decided who speaks, in all the ways there are but by time: a table of cases.

`speakers` are the first letters of the agents, worked out by hand from the rules where no chance is in it.
"""

from collections.abc import Mapping

from folkmoot.kernel.json import JsonObject
from tests.system.furnished import Scene

_ALL: dict[str, JsonObject] = {"ada": {}, "bea": {}, "cyn": {}, "dov": {}}
_LONG = "There is more to say about it than fits into what is shown of it, and so it goes on. " * 4


def _counting(number: int, **more: object) -> JsonObject:
    return {"trigger": {"message_count": number}, **more}  # type: ignore[dict-item]


def _ranked(category: str) -> JsonObject:
    return _counting(1, category=category)


SCENES: Mapping[str, Scene] = {
    "Chance": Scene(
        members={"ada": {}, "bea": {}, "cyn": {}},
        given={"ai_frequency": 0.5, "seed": 11},
        lines=tuple(f"Chance {number}" for number in range(8)),
    ),
    "Chances": Scene(
        members=_ALL,
        given={"ai_frequency": 0.5, "seed": 12, "settings": {"max_speakers": 2, "monologue_limit": 5}},
        lines=tuple(f"Chances {number}" for number in range(6)),
    ),
    "Counting": Scene(
        members={"ada": _counting(2), "bea": _counting(3)},
        lines=tuple(f"Counting {number}" for number in range(6)),
        speakers="--AB-A-BA--BA",
    ),
    "Ranks": Scene(
        members={
            "ada": _ranked("utility"),
            "bea": _ranked("external"),
            "cyn": _ranked("participant"),
            "dov": _ranked("instructor"),
        },
        given={"settings": {"max_speakers": 2, "monologue_limit": 4}},
        lines=("Ranks one", "Ranks two"),
        speakers="-DCBD-DCBD",
    ),
    "Asked": Scene(
        members={"ada": _counting(1), "bea": {}, "cyn": {}},
        given={"mode": "mentions", "ai_frequency": 1.0},
        lines=("@bea and @ada?", "Nobody?", "@nobody, @cyn"),
        speakers="-BA--C",
    ),
    "Sleepers": Scene(
        members={"ada": _counting(1, asleep=True), "bea": _counting(1)},
        given={"settings": {"monologue_limit": 1}},
        lines=("Is somebody awake?", "Somebody else?", "@ada?"),
        speakers="-B-B-A",
    ),
    "Long": Scene(
        members={"ada": {}, "bea": {}},
        given={"ai_frequency": 1.0, "settings": {"history_tokens": 200}},
        lines=tuple(f"Long {number}: {_LONG}" for number in range(4)),
        speakers="-ABA-BAB-ABA-BAB",
    ),
    "Calling": Scene(
        members={"ada": {}, "bea": _counting(4), "cyn": {"category": "external"}, "dov": {"category": "instructor"}},
        given={"ai_frequency": 0.5, "seed": 13, "settings": {"mention_depth": 4, "monologue_limit": 6}},
        lines=("Calling one", "@bea, what of two?", "Calling three", "@cyn, @ada: four", "Calling five"),
    ),
    "CallingForApproval": Scene(
        members={"ada": {}, "bea": {}, "cyn": {"category": "external"}, "dov": {"category": "instructor"}},
        given={"ai_frequency": 0.5, "seed": 14, "approval": True, "settings": {"monologue_limit": 5}},
        lines=("@ada, propose something", "Approval two", "@bea, and you?", "Approval four"),
    ),
}
