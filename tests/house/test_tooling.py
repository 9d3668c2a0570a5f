"""The repository itself: locks that install anywhere, a base that needs no extra, contracts for every room."""

import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import distribution
from itertools import chain
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tests.house.source import PACKAGE, ROOT
from tools.audit import verdict

LOCKS = ("requirements.txt", "requirements-all.txt", "requirements-dev.txt", "requirements-build.txt")


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


def test_each_lock_agrees_with_the_smaller_ones() -> None:
    base, full, dev = pins("requirements.txt"), pins("requirements-all.txt"), pins("requirements-dev.txt")
    assert base.items() - full.items() == full.items() - dev.items() == set()


def test_the_locks_hold_what_the_project_asks_for() -> None:
    metadata = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = metadata["project"]["optional-dependencies"]
    asked = {
        "requirements.txt": metadata["project"]["dependencies"],
        "requirements-all.txt": [*metadata["project"]["dependencies"], *chain(*extras.values())],
        "requirements-dev.txt": [*chain(*extras.values()), *metadata["dependency-groups"]["dev"]],
        "requirements-build.txt": metadata["dependency-groups"]["build"],
    }
    for lock, requirements in asked.items():
        names = {normal(re.split(r"[<>=!~\[; ]", requirement)[0]) for requirement in requirements} - {"folkmoot"}
        assert names - pins(lock).keys() == set(), f"{lock}: make lock"


def test_what_is_locked_runs_on_the_oldest_python_that_systems_bring() -> None:
    """Debian 12's, a patch release older than some packages of its year ask for."""
    older = {"python_full_version": "3.11.2", "python_version": "3.11", "extra": ""}
    for lock in ("requirements.txt", "requirements-all.txt", "requirements-dev.txt"):
        pinned = pins(lock)
        found = {name: distribution(name) for name in pinned}
        wanted = {name: found[name].metadata["Requires-Python"] for name in pinned}
        assert {name: spec for name, spec in wanted.items() if spec and "3.11.2" not in SpecifierSet(spec)} == {}
        asked = [Requirement(asks) for name in pinned for asks in found[name].requires or ()]
        needed = {normal(one.name) for one in asked if one.marker is None or one.marker.evaluate(older)}
        assert needed - pinned.keys() == set(), lock


@pytest.mark.system
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


def test_make_lists_what_it_can_make() -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {"serve", "test", "check", "sbom", "audit"} <= {line.split()[0] for line in listed.splitlines()[1:]}


def made_sbom() -> str:
    subprocess.run([sys.executable, "-m", "tools.sbom"], cwd=ROOT, check=True, capture_output=True)
    return (ROOT / "build" / "sbom.cdx.json").read_text()


@pytest.mark.system
def test_the_bill_of_materials_is_the_base_lock() -> None:
    written, again = (made_sbom() for _ in range(2))
    assert written == again, "the same lock gives the same bytes"
    document = json.loads(written)
    components = {normal(component["name"]): component for component in document["components"]}
    assert {name: component["version"] for name, component in components.items()} == pins("requirements.txt")
    entries = re.split(r"^(?=[A-Za-z0-9])", (ROOT / "requirements.txt").read_text(), flags=re.MULTILINE)[1:]
    for entry in entries:
        component = components[normal(entry.split("==")[0])]
        told = {each["content"] for reference in component["externalReferences"] for each in reference["hashes"]}
        assert told == set(re.findall(r"--hash=sha256:(\w+)", entry)), component["name"]
    assert str(ROOT) not in written
    assert len(document["dependencies"]) == len(components) + 1
    reached, waiting = set(), [document["metadata"]["component"]["bom-ref"]]
    needs = {item["ref"]: item["dependsOn"] for item in document["dependencies"]}
    while waiting:
        ref = waiting.pop()
        if ref not in reached:
            reached.add(ref)
            waiting += needs[ref]
    assert reached == needs.keys(), "the project needs every one of them, directly or through another"


def audited(name: str, *vulnerabilities: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "version": "1.0", "vulns": list(vulnerabilities)}


@pytest.mark.parametrize(
    ("report", "said", "code"),
    [
        ([{"name": "a", "skip_reason": "not found"}], ["Not audited: advisory data is not reachable from here."], 0),
        ([], ["Not audited: advisory data is not reachable from here."], 0),
        ([audited("a"), audited("b")], ["2 of 2 packages audited, no known vulnerability."], 0),
        (
            [audited("a"), {"name": "b", "skip_reason": "not found"}],
            ["1 of 2 packages audited, no known vulnerability.", "Nothing is known of b."],
            0,
        ),
        (
            [
                audited("a", {"id": "PYSEC-1", "fix_versions": ["1.1", "2.0"]}),
                audited("b", {"id": "X", "fix_versions": []}),
            ],
            ["a 1.0: PYSEC-1, fixed in 1.1, 2.0", "b 1.0: X, fixed in no version yet"],
            1,
        ),
    ],
)
def test_an_audit_claims_only_what_it_looked_up(report: list[dict[str, Any]], said: list[str], code: int) -> None:
    assert verdict(report) == (said, code)
