"""Sizes a reader can hold in mind; complexity and parameters are counted by ruff."""

import re
from collections.abc import Iterable, Iterator

from tests.house.source import Defined, Source, everything, product

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


def defined(sources: Iterable[Source], *, classes: bool) -> Iterator[tuple[str, Defined]]:
    """Each class or each function, and where it stands."""
    for source in sources:
        for found in source.facts.definitions:
            if found.is_class == classes:
                yield f"{source.name}:{found.line} {found.name}", found


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
    functions = defined(everything(), classes=False)
    assert [(place, found.lines) for place, found in functions if found.lines > FUNCTION_LINES] == []


def test_classes_are_short() -> None:
    classes = defined(everything(), classes=True)
    assert [(place, found.lines) for place, found in classes if found.lines > CLASS_LINES] == []


def test_classes_have_few_methods() -> None:
    classes = defined(everything(), classes=True)
    assert [(place, found.methods) for place, found in classes if found.methods > METHODS] == []


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
