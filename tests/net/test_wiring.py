"""The application holds one client, told by the operator's setting, and pays for it at the first call only."""

import subprocess
import sys
from pathlib import Path

import pytest

from folkmoot.app import create_app
from folkmoot.kernel.settings import Settings, WrongSetting
from folkmoot.net.client import GuardedClient
from folkmoot.net.faults import AddressRefused
from tests.serving import settings_for


@pytest.mark.parametrize("given", ["127.0.0.1:11434, ollama.lan", '["127.0.0.1:11434", "ollama.lan"]'])
def test_the_operator_says_what_else_may_be_called(given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTGOING_ALLOWED_HOSTS", given)
    outgoing = create_app(Settings(_env_file=None, data_dir=tmp_path)).state.outgoing
    assert isinstance(outgoing, GuardedClient)
    assert outgoing.check("http://ollama.lan/") == "http://ollama.lan/"
    assert outgoing.check("http://127.0.0.1:11434/")
    with pytest.raises(AddressRefused):
        outgoing.check("http://127.0.0.1:11435/")


def test_a_wrong_host_is_named_at_the_start(sqlite_url: str, tmp_path: Path) -> None:
    settings = settings_for(sqlite_url, tmp_path).model_copy(update={"outgoing_allowed_hosts": ["a", "http://b"]})
    with pytest.raises(WrongSetting, match="OUTGOING_ALLOWED_HOSTS: entry 2 "):
        create_app(settings)


def test_it_costs_nothing_before_the_first_call() -> None:
    script = "import sys, folkmoot.net.client; print({'aiohttp', 'yarl', 'idna'} & sys.modules.keys() or 'none')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "none\n"
