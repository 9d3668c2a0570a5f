"""The repository itself: locks that install anywhere, a base that needs no extra, contracts for every room."""

import re
import subprocess
import sys
import tomllib
from itertools import chain

import pytest

from tests.house.source import PACKAGE, ROOT

LOCKS = ("requirements.txt", "requirements-dev.txt", "requirements-build.txt")


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lock: str) -> dict[str, str]:
    pinned = re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE)
    return {normal(name): version for name, version in pinned}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_hashes_and_names_no_host_or_folder(lock: str) -> None:
    text = (ROOT / lock).read_text()
    entries = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert re.findall(r"(?:index-url|find-links|trusted-host|\w+://\S+| /\S+)", text) == []


def test_the_development_lock_agrees_with_the_base_lock() -> None:
    base, dev = pins("requirements.txt"), pins("requirements-dev.txt")
    assert base.items() - dev.items() == set()


def test_the_locks_hold_what_the_project_asks_for() -> None:
    metadata = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = metadata["project"]["optional-dependencies"]
    asked = {
        "requirements.txt": metadata["project"]["dependencies"],
        "requirements-dev.txt": [*chain(*extras.values()), *metadata["dependency-groups"]["dev"]],
        "requirements-build.txt": metadata["dependency-groups"]["build"],
    }
    for lock, requirements in asked.items():
        names = {normal(re.split(r"[<>=!~\[; ]", requirement)[0]) for requirement in requirements} - {"folkmoot"}
        assert names - pins(lock).keys() == set(), f"{lock}: make lock"


def test_the_base_install_starts_without_the_extras() -> None:
    """A module that is None in sys.modules cannot be imported: as if it were not installed."""
    missing = sorted(name.replace("-", "_") for name in pins("requirements-dev.txt").keys() - pins("requirements.txt"))
    script = f"import sys; sys.modules.update(dict.fromkeys({missing!r})); import folkmoot.app, folkmoot.cli"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_room_stands_in_the_import_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["id"] == "house")
    named = {name.strip(" ()") for layer in layers for name in layer.split("|")}
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    assert (rooms | modules) - named == set()
