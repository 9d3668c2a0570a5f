"""The documentation pages work under their policies, which allow no inline script and no inline style."""

import asyncio
from pathlib import Path

from playwright.async_api import Browser, Page, expect

from tests.serving import listening, running, settings_for

BLOCKED = "cdn.redoc.ly"
"""Redoc's footer wants a picture from elsewhere, which its policy keeps from being asked for."""

INDEX_MILLISECONDS = 30_000
"""Redoc answers a search once it has read the whole document."""


def complaints(page: Page) -> list[str]:
    """What the console and the page say from here on."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


async def scrolled_to(page: Page, selector: str) -> None:
    """The page makes what is below only when it comes into view."""
    async with asyncio.timeout(30):
        while not await page.locator(selector).count():
            await page.mouse.wheel(0, 2000)
            await page.evaluate("new Promise(requestAnimationFrame)")


async def test_docs_and_redoc(sqlite_url: str, tmp_path: Path, browser: Browser) -> None:
    async with running(settings_for(sqlite_url, tmp_path)) as app, listening(app) as address:
        docs = await browser.new_page()
        said, asked = complaints(docs), []
        docs.on("request", lambda request: asked.append(request.url))
        await docs.goto(f"http://{address}/docs")
        await scrolled_to(docs, "#operations-health-get_health")
        await docs.locator("#operations-health-get_health").click()
        await docs.get_by_role("button", name="Try it out").click()
        await docs.get_by_role("button", name="Execute").click()
        await expect(docs.locator(".live-responses-table tbody .response-col_status").first).to_contain_text("200")
        await docs.get_by_role("button", name="Authorize").first.click()
        await expect(docs.get_by_role("heading", name="password")).to_be_visible()
        assert said == []
        assert [url for url in asked if not url.startswith((f"http://{address}/", "data:"))] == []

        redoc = await browser.new_page()
        said = complaints(redoc)
        await redoc.goto(f"http://{address}/redoc")
        await redoc.get_by_text("health", exact=True).first.click()
        await redoc.get_by_placeholder("Search...").fill("workspace")
        found = redoc.locator("[data-role='search:results']")
        await expect(found).to_contain_text("workspace", ignore_case=True, timeout=INDEX_MILLISECONDS)
        assert [line for line in said if BLOCKED not in line] == []
