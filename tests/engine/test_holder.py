"""One process holds a data directory, and its lock dies with it."""

import os
import subprocess
import sys
from pathlib import Path

from folkmoot.engine.holder import Holder, HolderInfo, read_holder


def test_the_lock_on_a_directory_has_one_holder_and_dies_with_it(tmp_path: Path) -> None:
    assert read_holder(tmp_path) is None
    holder = Holder.try_acquire(tmp_path, "http://127.0.0.1:1")
    assert holder is not None
    assert Holder.try_acquire(tmp_path, None) is None
    assert read_holder(tmp_path) == HolderInfo(os.getpid(), "http://127.0.0.1:1")
    holder.release()
    assert read_holder(tmp_path) is None
    script = "import sys; from pathlib import Path; from folkmoot.engine.holder import Holder\n"
    script += "h = Holder.try_acquire(Path(sys.argv[1]), None); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        assert read_holder(tmp_path) == HolderInfo(process.pid, None)
        process.kill()
        process.wait()
    assert read_holder(tmp_path) is None
