"""Writes build/sbom.cdx.json, what a base install consists of, in CycloneDX: `make sbom`.

Components and hashes are those of requirements.txt, and so is who needs whom. The same lock gives the same bytes.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation import make_schemabased_validator

from folkmoot import __version__

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.txt"
WRITTEN = ROOT / "build" / "sbom.cdx.json"
VERSION = SchemaVersion.V1_6
OPTIONS = ("--pyproject", "pyproject.toml", "--spec-version", VERSION.to_version(), "--output-reproducible")
DIRECT = "-r"
"""What the lock writes as the one who needs it, where the project itself does."""


def needed_by(lock: str) -> dict[str, set[str]]:
    """Each requirement's name with the names of those that ask for it, from the comments `make lock` leaves."""
    found = {}
    for entry in re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE)[1:]:
        _, _, said = entry.partition("# via")
        found[entry.split("==")[0]] = set(re.findall(r"^[\s#]*(\S+)", said, re.MULTILINE))
    return found


def sbom() -> str:
    """Raises CalledProcessError where the lock cannot be read, ValueError where what came of it is no CycloneDX."""
    command = [sys.executable, "-W", "ignore::UserWarning", "-m", "cyclonedx_py", "requirements", *OPTIONS, LOCK.name]
    made = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    document: dict[str, Any] = json.loads(made)
    root = document["metadata"]["component"]
    root["version"] = __version__
    refs = {component["name"]: component["bom-ref"] for component in document["components"]}
    needs: dict[str, set[str]] = {ref: set() for ref in (root["bom-ref"], *refs.values())}
    for name, others in needed_by(LOCK.read_text()).items():
        for other in others:
            needs[root["bom-ref"] if other == DIRECT else refs[other]].add(refs[name])
    for component in document["components"]:
        del component["description"]  # the requirement's lines, hashes and all, once more
    document["dependencies"] = [{"ref": ref, "dependsOn": sorted(needs[ref])} for ref in sorted(needs)]
    text = json.dumps(document, indent=2) + "\n"
    wrong = make_schemabased_validator(OutputFormat.JSON, VERSION).validate_str(text)
    if wrong is not None:
        raise ValueError(f"not CycloneDX: {wrong}")
    return text


def main() -> None:
    WRITTEN.parent.mkdir(exist_ok=True)
    WRITTEN.write_text(sbom())
    print(f"Wrote {WRITTEN.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
