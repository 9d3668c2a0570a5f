"""JSON Patch applied as RFC 6902 says, written without a look at how the product makes one."""

import copy

from folkmoot.kernel.json import Json, JsonObject


def patched(document: Json, operations: list[JsonObject]) -> Json:
    """The document with the operations done to it one after the other; an impossible one raises."""
    found = copy.deepcopy(document)
    for operation in operations:
        pointer = operation["path"]
        assert isinstance(pointer, str)
        if pointer == "":
            assert operation["op"] == "replace"
            found = copy.deepcopy(operation["value"])
            continue
        assert pointer[0] == "/"
        *way, last = [part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/")]
        place = found
        for part in way:
            place = place[part] if isinstance(place, dict) else _list(place)[int(part)]
        if isinstance(place, dict):
            _change_object(place, last, operation)
        else:
            _change_list(_list(place), int(last), operation)
    return found


def _list(value: Json) -> list[Json]:
    assert isinstance(value, list)
    return value


def _change_object(place: JsonObject, key: str, operation: JsonObject) -> None:
    assert (key in place) == (operation["op"] != "add")
    if operation["op"] == "remove":
        del place[key]
    else:
        place[key] = copy.deepcopy(operation["value"])


def _change_list(place: list[Json], index: int, operation: JsonObject) -> None:
    match operation["op"]:
        case "add":
            assert index <= len(place)
            place.insert(index, copy.deepcopy(operation["value"]))
        case "remove":
            del place[index]
        case _:
            place[index] = copy.deepcopy(operation["value"])
