"""Sizes a reader can hold in mind; complexity and parameters are counted by ruff."""

import ast
import re
from collections.abc import Iterable

from tests.house.source import Source, everything, product, type_of_function

MODULE_LINES = 400
FUNCTION_LINES = 50
CLASS_LINES = 200
METHODS = 12
TYPE_IGNORES_PER_1000 = 2

BANNED_FILE = re.compile(r"(utils?|helpers?|common|misc|managers?|models?|base_.*|.*_v\d+)")
BARE_TYPE_IGNORE = re.compile(r"#\s*type:\s*ignore(?!\[[a-z-]+(, ?[a-z-]+)*\])")
UNEXPLAINED_NOQA = re.compile(r"#\s*noqa(?!:( ?[A-Z]+\d+,?)+ \S)")

# A blind except is legal where somebody else's code ends or the last line of defence stands.
BLIND_EXCEPT = re.compile(r"noqa:.*BLE001")
BORDERS = {
    "runs/engine.py": "worker loop of runs",
    "runs/sweep.py": "worker loop of runs",
    "db/lanes.py": "worker loop of database lanes",
    "realtime/websocket.py": "socket loop",
    "app.py": "lifespan",
    "tools/registry.py": "plugin call",
    "agents/hooks.py": "plugin call",
    "tasks/functions.py": "plugin call",
    "tasks/threads.py": "plugin call",
}


def lines(node: ast.AST) -> int:
    assert isinstance(node, ast.stmt)
    return (node.end_lineno or node.lineno) - node.lineno + 1


def too_long(sources: Iterable[Source], kinds: tuple[type[ast.AST], ...], budget: int) -> list[str]:
    return [
        f"{source.name}:{node.lineno} {node.name} {lines(node)}"
        for source in sources
        for node in source.definitions
        if isinstance(node, kinds) and lines(node) > budget
    ]


def matching(pattern: re.Pattern[str], sources: Iterable[Source]) -> list[str]:
    return [
        f"{source.name}:{number} {line.strip()}"
        for source in sources
        for number, line in enumerate(source.text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_modules_are_short() -> None:
    counted = [(source.name, len(source.text.splitlines())) for source in everything()]
    assert [item for item in counted if item[1] > MODULE_LINES] == []


def test_functions_are_short() -> None:
    assert too_long(everything(), type_of_function, FUNCTION_LINES) == []


def test_classes_are_short() -> None:
    assert too_long(everything(), (ast.ClassDef,), CLASS_LINES) == []


def test_classes_have_few_methods() -> None:
    crowded = [
        f"{source.name}:{node.lineno} {node.name} {count}"
        for source in everything()
        for node in source.definitions
        if isinstance(node, ast.ClassDef)
        and (count := sum(isinstance(item, type_of_function) for item in node.body)) > METHODS
    ]
    assert crowded == []


def test_file_names_say_what_is_inside() -> None:
    assert [source.name for source in everything() if BANNED_FILE.fullmatch(source.path.stem)] == []


def test_type_ignores_are_rare_and_coded() -> None:
    sources = [source for source in everything() if source.path.name != "test_budgets.py"]
    assert matching(BARE_TYPE_IGNORE, sources) == []
    for part in (product(), [source for source in sources if source.name.startswith("tests/")]):
        total = sum(len(source.text.splitlines()) for source in part)
        ignores = matching(re.compile(r"#\s*type:\s*ignore"), part)
        assert len(ignores) <= max(1, total * TYPE_IGNORES_PER_1000 / 1000), ignores


def test_every_noqa_says_why() -> None:
    assert matching(UNEXPLAINED_NOQA, product()) == []


def test_blind_excepts_stand_only_at_the_borders() -> None:
    inside = [source for source in product() if source.inside not in BORDERS]
    assert matching(BLIND_EXCEPT, inside) == []
