"""Local mode against pages of other sites in the owner's browser: they can neither read nor change anything."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from playwright.async_api import Browser, Page

from tests.browser.conftest import another_server
from tests.house.places import Place, dump, furnish
from tests.serving import client_of, listening, running, settings_for

ATTACK = (Path(__file__).parent / "attack.js").read_text()
PAGE = "<!doctype html><title>Kittens</title><body></body>"


class Attacked:
    """The application on a port, with something to read and to destroy, and a stranger's server beside it."""

    def __init__(self, app: FastAPI, address: str, stranger: int, place: Place) -> None:
        self.app = app
        self.address = address
        self.stranger = stranger
        self.place = place

    async def rows(self) -> dict[str, list[str]]:
        return await dump(self.app.state.runtime.db)

    async def attack(self, page: Page) -> dict[str, Any]:
        names = self.place.names
        target = {"place": self.address, "documentId": names["document"], "runId": names["run"]}
        read: dict[str, Any] = await page.evaluate(ATTACK, target)
        return read


@pytest.fixture
async def attacked(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Attacked]:
    async with another_server(PAGE) as stranger:
        listed = [f"http://localhost:{stranger}"]
        settings = settings_for(sqlite_url, tmp_path).model_copy(update={"backend_cors_origins": listed})
        async with running(settings) as app, client_of(app) as client, listening(app) as address:
            place = await furnish(app, client, await app.state.workspaces.find(), "a", 4004)
            yield Attacked(app, address, stranger, place)


async def test_a_page_of_another_origin(attacked: Attacked, browser: Browser) -> None:
    before = await attacked.rows()
    for host in ("evil.example", "evil.localhost", "127.0.0.2", "127.0.0.1"):
        page = await browser.new_page()
        await page.goto(f"http://{host}:{attacked.stranger}/")
        asked = attacked.app.state.figures.total_requests
        read = await attacked.attack(page)
        assert {name: told for name, told in read.items() if told is not None} == {}, host
        assert attacked.app.state.figures.total_requests - asked >= 15, "the tries did not reach the server"
        await page.close()
    assert await attacked.rows() == before


async def test_a_listed_page_may(attacked: Attacked, browser: Browser) -> None:
    """The tries work where they may: that a stranger's come to nothing is the server's doing."""
    page = await browser.new_page()
    await page.goto(f"http://localhost:{attacked.stranger}/")
    read = await attacked.attack(page)
    told = {name for name, text in read.items() if text is not None}
    assert told >= {"get", "get_with_cookies", "get_health", "stream", "post_json", "socket", "events"}
    assert "planted" in str((await attacked.rows())["documents"])


async def test_a_rebound_name(attacked: Attacked, browser: Browser) -> None:
    """The stranger's page has its name and our port, and its name now leads to us: all is of one origin."""
    before = await attacked.rows()
    port = attacked.address.rpartition(":")[2]
    page = await browser.new_page()
    await page.route("**/kittens", lambda route: route.fulfill(body=PAGE, content_type="text/html"))
    await page.goto(f"http://rebound.example:{port}/kittens")
    attacked.address = f"rebound.example:{port}"
    read = await attacked.attack(page)
    refusals = {name: told for name, told in read.items() if told is not None and "host_not_local" not in str(told)}
    assert refusals == {}
    assert await attacked.rows() == before
