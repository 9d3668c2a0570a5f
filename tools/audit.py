"""Asks for known vulnerabilities of what a base install consists of: `make audit`.

pip-audit calls a package that its source knows nothing of "skipped" and ends well, so a registry that answers
without advisories would look like a clean bill. Here only what was looked up counts, and a run without an answer
says that nothing was audited. That is no failure; a vulnerability is one.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.txt"
OPTIONS = ("--require-hashes", "--disable-pip", "--progress-spinner", "off", "--format", "json")
UNREACHABLE = re.compile(r"requests\.exceptions\.\w+|could not connect|not redirecting properly", re.IGNORECASE)


def verdict(dependencies: list[dict[str, Any]]) -> tuple[list[str], int]:
    """What to say of pip-audit's report, and the exit code."""
    known = [dependency for dependency in dependencies if "skip_reason" not in dependency]
    found = [
        f"{dependency['name']} {dependency['version']}: {vulnerability['id']}, "
        f"fixed in {', '.join(vulnerability['fix_versions']) or 'no version yet'}"
        for dependency in known
        for vulnerability in dependency["vulns"]
    ]
    if found:
        return found, 1
    if not known:
        return ["Not audited: advisory data is not reachable from here."], 0
    left = [dependency["name"] for dependency in dependencies if dependency not in known]
    lines = [f"{len(known)} of {len(dependencies)} packages audited, no known vulnerability."]
    return lines + ([f"Nothing is known of {', '.join(left)}."] if left else []), 0


def main() -> int:
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory, "report.json")
        command = [sys.executable, "-m", "pip_audit", *OPTIONS, "--requirement", LOCK.name, "--output", str(report)]
        done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
        dependencies = json.loads(report.read_text())["dependencies"] if report.exists() else None
    if dependencies is None and not UNREACHABLE.search(done.stderr):
        print(done.stderr, file=sys.stderr)
        return done.returncode or 1
    lines, code = verdict(dependencies or [])
    print("\n".join(lines))
    return code


if __name__ == "__main__":
    sys.exit(main())
