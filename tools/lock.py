"""Writes the four locks from pyproject.toml: `make lock`, on the oldest Python we support.

requirements.txt is what `make serve` installs, requirements-all.txt adds every extra and is what the image holds,
requirements-dev.txt adds the development tools to that, requirements-build.txt holds the build backend. Each names
versions and hashes of all published files, so it installs on every platform, and no index: which one is used is the
reader's own setting. Pins stay as they are where they still fit; `make lock UPGRADE=1` renews them.
"""

import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OPTIONS = (
    *("--quiet", "--generate-hashes", "--strip-extras", "--allow-unsafe", "--no-header", "--no-emit-options"),
    *("--no-emit-index-url", "--no-emit-trusted-host", "--no-emit-find-links", "--no-config"),
)
HELD = ("soupsieve<3",)
"""What would be locked in a version that Debian 12's Python, 3.11.2, cannot have: soupsieve 3 wants 3.11.5."""
OLDER = ("async-timeout>=4.0.3",)
"""What packages ask for there and not on the Python that the locks are made on: redis does, below 3.11.3."""
HEADER = "# Written by `make lock` from pyproject.toml on Python {version}.\n"


def compile_lock(name: str, wanted: list[str], *options: str) -> None:
    lock = ROOT / name
    with tempfile.TemporaryDirectory() as directory:
        source = Path(directory, "pyproject")
        source.write_text("\n".join(wanted) + "\n")
        Path(directory, "held").write_text("\n".join(HELD) + "\n")
        # Relative names, so that the comments in the lock name no folder of this machine.
        for other in (lock, ROOT / "requirements.txt", ROOT / "requirements-all.txt"):
            if other.exists():
                shutil.copy(other, directory)
        command = [sys.executable, "-m", "piptools", "compile", *OPTIONS, *options, "-c", "held", "-o", name]
        subprocess.run([*command, source.name], cwd=directory, check=True)
        text = Path(directory, name).read_text()
    header = HEADER.format(version=".".join(map(str, sys.version_info[:2])))
    lock.write_text(header + text.replace(header, ""))


def main() -> None:
    metadata = tomllib.loads((ROOT / "pyproject.toml").read_text())
    floor = metadata["project"]["requires-python"].removeprefix(">=")
    if ".".join(map(str, sys.version_info[:2])) != floor:
        sys.exit(f"The locks are made on Python {floor}, the floor: make lock PYTHON=python{floor}")
    upgrade = sys.argv[1:]
    base = metadata["project"]["dependencies"]
    extras = [
        requirement
        for requirements in metadata["project"]["optional-dependencies"].values()
        for requirement in requirements
        if not requirement.startswith("folkmoot[")
    ]
    groups = metadata["dependency-groups"]
    every = [*base, *extras, *OLDER]
    compile_lock("requirements.txt", base, *upgrade)
    compile_lock("requirements-all.txt", every, *upgrade, "-c", "requirements.txt")
    compile_lock("requirements-dev.txt", [*every, *groups["dev"]], *upgrade, "-c", "requirements-all.txt")
    compile_lock("requirements-build.txt", groups["build"], *upgrade)


if __name__ == "__main__":
    main()
