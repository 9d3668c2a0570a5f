"""An installation with users, as its admin has it: who comes in, and with which session."""

from dataclasses import dataclass

import aiohttp

from folkmoot.kernel.json import JsonObject

PASSWORD = "nine lives of a cat"

Headers = dict[str, str]


@dataclass(frozen=True)
class Office:
    """The installation as its admin has it."""

    http: aiohttp.ClientSession
    address: str
    workspace_id: str
    headers: Headers

    async def call(self, method: str, path: str, headers: Headers, body: JsonObject | None = None) -> JsonObject:
        async with self.http.request(method, f"{self.address}{path}", headers=headers, json=body) as answer:
            assert answer.ok, await answer.text()
            return {} if answer.status == 204 else dict(await answer.json())

    async def login(self, email: str) -> Headers:
        view = await self.call("POST", "/api/login", {}, {"email": email, "password": PASSWORD})
        return {"Authorization": f"Bearer {view['access_token']}", "X-Workspace-Id": self.workspace_id}

    async def admit(self, name: str) -> tuple[str, Headers]:
        """A new user who is a member: his id and his session."""
        email = f"{name}@example.org"
        user = await self.call("POST", "/api/users", self.headers, {"email": email, "password": PASSWORD})
        path = f"/api/workspaces/{self.workspace_id}/invitations"
        invitation = await self.call("POST", path, self.headers, {"email": email})
        session = await self.login(email)
        plain = {name: value for name, value in session.items() if name == "Authorization"}
        await self.call("POST", "/api/invitations/accept", plain, {"token": invitation["token"]})
        return str(user["id"]), session


async def opened(http: aiohttp.ClientSession, address: str, workspace_id: str) -> Office:
    """Its first user is the admin, and owns the first workspace."""
    email = "ada@example.org"
    office = Office(http, address, workspace_id, {})
    await office.call("POST", "/api/register", {}, {"email": email, "password": PASSWORD})
    return Office(http, address, workspace_id, await office.login(email))
