"""What an installation makes for itself: whole, only its owner's, and the same for all processes."""

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from folkmoot.accounts.exposure import open_admin_token
from folkmoot.accounts.kept import SecretNotKept, find_kept, kept
from folkmoot.accounts.secret_key import open_secret_key
from folkmoot.accounts.tokens import new_secret


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_files_are_their_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    made = open_secret_key(None, [], folder)
    token = open_admin_token(folder)
    assert token.startswith("fmadmin_")
    assert {path.name: mode(path) for path in folder.iterdir()} == {"secret.key": 0o600, "admin.token": 0o600}
    assert open_secret_key(None, [], folder) == made
    assert open_admin_token(folder) == token
    assert token not in repr(made)
    assert (folder / "secret.key").read_text().strip() not in repr(made)


def test_a_given_key_makes_no_file(tmp_path: Path) -> None:
    assert open_secret_key("given", ["old"], tmp_path).current == b"given"
    assert list(tmp_path.iterdir()) == []


def test_each_use_has_a_key_of_its_own(tmp_path: Path) -> None:
    one, other = open_secret_key("one", ["old"], tmp_path), open_secret_key("other", [], tmp_path)
    keys = {one.derive("a"), one.derive("b"), other.derive("a")}
    assert {len(key) for key in keys} == {32}
    assert len(keys) == 3
    assert one.derive_all("a") == [one.derive("a"), open_secret_key("old", [], tmp_path).derive("a")]


def test_of_many_at_once_one_makes_it(tmp_path: Path) -> None:
    path, together = tmp_path / "secret", Barrier(8)

    def make() -> str:
        together.wait()
        return new_secret()

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: kept(path, make), range(8)))
    assert len({text for text, _ in found}) == 1
    assert sum(is_new for _, is_new in found) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["secret"]


def test_one_that_others_may_read_is_closed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "admin.token"
    path.write_text("fmadmin_" + "x" * 43)
    path.chmod(0o644)
    with caplog.at_level(logging.WARNING):
        assert open_admin_token(tmp_path) == "fmadmin_" + "x" * 43
    assert mode(path) == 0o600
    assert "could be read by others" in caplog.text
    assert "xxx" not in caplog.text


def test_one_that_is_damaged_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text("")
    with pytest.raises(SecretNotKept, match="damaged"):
        open_secret_key(None, [], tmp_path)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SecretNotKept, match="writable"):
        open_secret_key(None, [], tmp_path / "file")
    assert find_kept(tmp_path / "file" / "secret.key") is None
