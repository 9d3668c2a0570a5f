"""Which URLs mean which database."""

import pytest

from folkmoot.db.connect import UnknownDatabase, connect, driver_url
from folkmoot.db.sqlite import SqliteDatabase


@pytest.mark.parametrize(
    ("url", "understood"),
    [
        ("sqlite:///data/folkmoot.db", "sqlite:///data/folkmoot.db"),
        ("sqlite+aiosqlite:////var/folkmoot.db", "sqlite:////var/folkmoot.db"),
        ("postgres://me:secret@db/folkmoot", "postgresql+asyncpg://me:secret@db/folkmoot"),
        ("postgresql+psycopg://db/folkmoot", "postgresql+asyncpg://db/folkmoot"),
        (
            "postgresql://db/folkmoot?sslmode=require",
            "postgresql+asyncpg://db/folkmoot?sslmode=require",
        ),
    ],
)
def test_understood(url: str, understood: str) -> None:
    assert driver_url(url).render_as_string(hide_password=False) == understood


@pytest.mark.parametrize("url", ["", "folkmoot.db", "mysql://db/folkmoot", "sqlite://", "sqlite:///:memory:"])
def test_refused(url: str) -> None:
    with pytest.raises(UnknownDatabase):
        driver_url(url)


async def test_a_file_with_an_odd_name(tmp_path: object) -> None:
    database = connect(f"sqlite:///{tmp_path}/50%25 off?/a b.db")
    assert isinstance(database, SqliteDatabase)
    await database.open()
    await database.close()
