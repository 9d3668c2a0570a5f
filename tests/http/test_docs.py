"""/docs and /redoc work offline: their files are here, unchanged, with their licences."""

import json
import re
from hashlib import sha256

import pytest
from httpx2 import AsyncClient

from folkmoot.http.docs import STATIC

VENDORED = json.loads((STATIC / "vendor.json").read_text())["packages"]


@pytest.mark.parametrize("package", VENDORED, ids=lambda package: str(package["name"]))
def test_files_are_what_was_vendored(package: dict[str, dict[str, str]]) -> None:
    assert (STATIC / str(package["licence_file"])).exists()
    for name, digest in package["files"].items():
        assert sha256((STATIC / name).read_bytes()).hexdigest() == digest


PAGES = ["/docs", "/redoc", "/docs/"]


async def test_pages_load_nothing_from_elsewhere(client: AsyncClient) -> None:
    for page in PAGES:
        answer = await client.get(page)
        assert answer.status_code == 200
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "//" not in answer.text
        for asset in re.findall(r'(?:src|href|spec-url)="(/[^"]+)"', answer.text):
            assert (await client.get(asset)).status_code == 200


async def test_the_root_says_what_this_is(client: AsyncClient) -> None:
    told = (await client.get("/")).json()
    assert (told["name"], told["status"]) == ("Folkmoot", "running")
    for link in told["links"].values():
        assert (await client.get(link)).status_code == 200
    browser = await client.get("/", headers={"Accept": "text/html,*/*"})
    assert (browser.status_code, browser.headers["location"]) == (307, "/docs")
