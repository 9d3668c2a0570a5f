"""What pydantic finds wrong with a value, without the value: an attacker may have written it."""

from pydantic import ValidationError

from folkmoot.kernel.json import Json


def reasons(error: ValidationError, *within: str) -> list[Json]:
    """As {loc, msg, type}; `within` is where the value stands in what was sent."""
    return [
        {"loc": [*within, *item["loc"]], "msg": item["msg"], "type": item["type"]}
        for item in error.errors(include_url=False, include_context=False, include_input=False)
    ]


def sentences(error: ValidationError, whole: str = "") -> list[str]:
    """As `place: what is wrong`; `whole` is the place of what is wrong with all of it."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    named = ((".".join(map(str, item["loc"])) or whole, item["msg"]) for item in found)
    return [f"{place}: {message}" if place else message for place, message in named]
