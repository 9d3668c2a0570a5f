"""The documentation is true: what it names exists, and what exists is named."""

import re
from collections import Counter

import pytest

from folkmoot.kernel.settings import Settings, names_of
from tests.house.source import PACKAGE, ROOT
from tools.document import PAGES, facts, import_everything, problems

COMMAND = re.compile(r"\bmake ([a-z]+)")
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")


def makefile_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def pages() -> list[str]:
    return [page.relative_to(ROOT).as_posix() for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"))]


@pytest.mark.parametrize("name", PAGES)
def test_generated_pages_are_fresh(name: str) -> None:
    assert (ROOT / name).read_text() == PAGES[name](), f"{name} is stale: make docs"


def test_codes_and_types_are_unique_and_explained() -> None:
    for names in ([problem.code for problem in problems()], [fact.type for fact in facts()]):
        assert [name for name, count in Counter(names).items() if count > 1] == []
    assert [kind.__name__ for kind in (*problems(), *facts()) if not vars(kind).get("__doc__")] == []


def test_every_setting_says_what_it_does() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
    names = [name for key, field in Settings.model_fields.items() for name in names_of(key, field)]
    assert [name for name, count in Counter(names).items() if count > 1] == []


def test_the_example_settings_are_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for key, field in Settings.model_fields.items():
        for name in names_of(key, field):
            monkeypatch.delenv(name, raising=False)
    assert Settings(_env_file=ROOT / ".env.example") == Settings(_env_file=None)


def test_the_map_names_every_room() -> None:
    map_page = (ROOT / "docs/house.md").read_text()
    rooms = [f"{path.name}/" for path in PACKAGE.iterdir() if (path / "__init__.py").exists()]
    modules = [path.name for path in PACKAGE.glob("*.py") if not path.name.startswith("__")]
    assert [room for room in (*rooms, *modules) if room not in map_page] == []


@pytest.mark.parametrize("page", pages())
def test_commands_and_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text()
    code = "\n".join(re.findall(r"`+[^`]+`+", text))
    assert set(COMMAND.findall(code)) - makefile_targets() == set()
    broken = [link for link in LINK.findall(text) if not (ROOT / page).parent.joinpath(link).exists()]
    assert broken == []


def test_everything_can_be_imported() -> None:
    import_everything()
