"""JSON Patch (RFC 6902): the operations that lead from one document to another. Pure."""

from collections.abc import Iterator

from folkmoot.kernel.json import Json, JsonObject

ROOM = 1_000_000
"""Characters that operations may take before replacing the whole document is the shorter way to say it."""

_Path = tuple[str | int, ...]


def json_patch(before: Json, after: Json) -> list[JsonObject]:
    """RFC 6902: the operations add, remove and replace that make `before` into `after`.

    Where they would take more than ROOM, it is one operation: the whole document is replaced.
    """
    operations: list[JsonObject] = []
    room = ROOM
    for operation in _Comparison().changes(before, after, ()):
        room -= len(str(operation["path"])) + 40
        if room < 0:
            return [{"op": "replace", "path": "", "value": after}]
        operations.append(operation)
    return operations


class _Comparison:
    """Two documents under comparison; equal parts of them, however large, have the same number."""

    def __init__(self) -> None:
        self._numbers: dict[object, int] = {}
        self._of_container: dict[int, int] = {}

    def changes(self, before: Json, after: Json, path: _Path) -> Iterator[JsonObject]:
        if isinstance(before, dict) and isinstance(after, dict):
            yield from self._changes_of_object(before, after, path)
        elif isinstance(before, list) and isinstance(after, list):
            yield from self._changes_of_list(before, after, path)
        elif type(before) is not type(after) or before != after:
            yield {"op": "replace", "path": _pointer(path), "value": after}

    def _changes_of_object(self, before: JsonObject, after: JsonObject, path: _Path) -> Iterator[JsonObject]:
        for key in before:
            if key not in after:
                yield {"op": "remove", "path": _pointer((*path, key))}
        for key, value in after.items():
            if key in before:
                yield from self.changes(before[key], value, (*path, key))
            else:
                yield {"op": "add", "path": _pointer((*path, key)), "value": value}

    def _changes_of_list(self, before: list[Json], after: list[Json], path: _Path) -> Iterator[JsonObject]:
        """Of lists of one length item by item; else what both begin and end with is left out first."""
        first, rest = 0, 0
        shorter = min(len(before), len(after))
        if len(before) != len(after):
            while first < shorter and self._same(before[first], after[first]):
                first += 1
            while rest < shorter - first and self._same(before[-1 - rest], after[-1 - rest]):
                rest += 1
        for index in range(first, shorter - rest):
            yield from self.changes(before[index], after[index], (*path, index))
        for index in reversed(range(shorter - rest, len(before) - rest)):
            yield {"op": "remove", "path": _pointer((*path, index))}
        for index in range(shorter - rest, len(after) - rest):
            yield {"op": "add", "path": _pointer((*path, index)), "value": after[index]}

    def _same(self, one: Json, other: Json) -> bool:
        return self._number(one) == self._number(other)

    def _number(self, value: Json) -> int:
        """Counted once per object and list, so that a deep document costs no more than a flat one."""
        if not isinstance(value, dict | list):
            return self._numbers.setdefault((type(value), value), len(self._numbers))
        known = self._of_container.get(id(value))
        if known is not None:
            return known
        parts: object
        if isinstance(value, dict):
            parts = frozenset((key, self._number(item)) for key, item in value.items())
        else:
            parts = tuple(self._number(item) for item in value)
        number = self._of_container[id(value)] = self._numbers.setdefault((type(value), parts), len(self._numbers))
        return number


def _pointer(path: _Path) -> str:
    """RFC 6901."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)
