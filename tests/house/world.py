"""A furnished workspace whose events are folded beside what the API shows of it: what test_fold.py goes through."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI

from folkmoot.events.frames import view
from folkmoot.events.queries import latest_seq, list_events
from folkmoot.kernel.json import JsonObject
from tests.house.fold import TOTALS, State, errors_in, fold, key_of
from tests.house.operations import by_id
from tests.house.places import Place
from tests.stubs.mcp_stub import McpStub

NOT_TOLD = {
    "agent": {"last_heartbeat"},
    "secret": {"key"},
    "webhook": {"url"},
    "mcp_server": {"url", "secret", "new_tools", "seen_at"},
    "budget": {"used_usd", "used_tokens", "reserved_usd", "reserved_tokens", "window_at"},
}
"""Members that pass by themselves or are the server's, which docs/events.md says are to be asked for."""

PAGES = {
    "agent": ("/api/agents", "agents"),
    "approval": ("/api/approvals", "approvals"),
    "conversation": ("/api/conversations", "conversations"),
    "debate": ("/api/debates", "debates"),
    "definition": ("/api/agents/definitions", "definitions"),
    "document": ("/api/knowledge/documents", "documents"),
    "task": ("/api/tasks", "tasks"),
    "team": ("/api/teams", "teams"),
    "invitation": ("/api/workspaces/{workspace}/invitations", "invitations"),
    "member": ("/api/workspaces/{workspace}/members", "members"),
    "project": ("/api/workspaces/{workspace}/projects", "projects"),
    "secret": ("/api/workspaces/{workspace}/secrets", "secrets"),
    "schedule": ("/api/schedules", "schedules"),
    "tool": ("/api/tools", "tools"),
    "mcp_server": ("/api/mcp-servers", "mcp_servers"),
    "webhook": ("/api/webhooks", "webhooks"),
    "room": ("/api/rooms", "rooms"),
    "budget": ("/api/budgets", "budgets"),
}


@dataclass
class World:
    """A furnished workspace that nothing goes on in between two verbs, and which verbs were done in it."""

    app: FastAPI
    place: Place
    mcp: McpStub
    done: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    seen: State = field(default_factory=dict)
    seen_at: int = -1

    @property
    def names(self) -> dict[str, str]:
        return self.place.names

    async def get(self, path: str, **query: object) -> Any:
        asked = {name: str(value) for name, value in query.items()}
        answer = await self.place.client.get(path, params=asked, headers=self.place.headers)
        assert answer.is_success, (path, answer.text)
        return answer.json()

    async def list(self, path: str, name: str, **query: object) -> Any:
        page = await self.get(path, limit=200, **query)
        assert page["total"] == len(page[name]) < 200
        return page[name]

    async def snapshot(self) -> State:
        """Everything the API shows of the workspace that is not read by a cursor of its own."""
        names = {"workspace": self.place.scope.workspace_id}
        found = {name: await self.list(path.format_map(names), key) for name, (path, key) in PAGES.items()}
        found["workspace"] = [await self.get(f"/api/workspaces/{names['workspace']}")]
        found["run"] = await self.list("/api/runs", "runs")
        of_agents = [f"/api/agents/{agent['id']}" for agent in found["agent"]]
        of_projects = [f"/api/projects/{project['id']}/contexts" for project in found["project"]]
        found["agent_status"] = [await self.get(f"{path}/status") for path in of_agents]
        found["message"] = [said for path in of_agents for said in await self.list(f"{path}/messages", "messages")]
        rooms = [f"/api/rooms/{room['id']}" for room in found["room"]]
        found["room_member"] = [one for path in rooms for one in await self.list(f"{path}/members", "members")]
        logs = [await self.get(f"{path}/messages", limit=200) for path in rooms]
        found["room_message"] = [said for log in logs for said in log["messages"]]
        contexts = [*(f"{path}/contexts" for path in of_agents), *of_projects]
        found["context"] = [context for path in contexts for context in await self.list(path, "contexts")]
        return {name: {key_of(name, view): view for view in views} for name, views in found.items()}

    async def tell(
        self, operation: str, body: JsonObject | None = None, /, by: dict[str, str] | None = None, **given: str
    ) -> Any:
        """Do the verb; what its events make of what was shown before has to be what is shown after it."""
        db, workspace_id = self.app.state.runtime.db, self.place.scope.workspace_id
        cursor = await db.read(latest_seq, workspace_id)
        before = self.seen if self.seen_at == cursor else await self.snapshot()
        answer = await self._ask(operation, body, given, by or self.place.headers)
        events = await db.read(list_events, workspace_id, cursor, 1000)
        state = before
        for frame in map(view, events):
            assert errors_in(frame) == [], (operation, frame)
            state = fold(state, frame)
        after = await self.snapshot()
        self.seen, self.seen_at = after, await db.read(latest_seq, workspace_id)
        assert events, f"{operation} tells nothing"
        self.wrong += [f"{operation}: {difference}" for difference in differences(comparable(state), comparable(after))]
        self.done.add(operation)
        return answer

    async def _ask(
        self, operation: str, body: JsonObject | None, given: dict[str, str], headers: dict[str, str]
    ) -> Any:
        described = by_id()[operation]
        values = {"workspace_id": self.place.scope.workspace_id, **given}
        path = described.path.format_map(values)
        query = {name: value for name, value in given.items() if f"{{{name}}}" not in described.path}
        answer = await self.place.client.request(described.method, path, json=body, params=query, headers=headers)
        assert answer.is_success, (operation, answer.text)
        return answer.json() if answer.content else None


def differences(folded: State, shown: State) -> Iterator[str]:
    for name, views in shown.items():
        for key in views.keys() ^ folded[name].keys():
            yield f"{name} {key} is {'not told' if key in views else 'not shown'}"
        for key in views.keys() & folded[name].keys():
            one, other = folded[name][key], views[key]
            for member in sorted(one.keys() | other.keys()):
                if one.get(member) != other.get(member):
                    yield f"{name}.{member} is told as {one.get(member)!r}, shown as {other.get(member)!r}"


def comparable(state: State) -> State:
    return {
        name: {
            key: {member: said for member, said in view.items() if _is_told(name, view, member)}
            for key, view in views.items()
        }
        for name, views in state.items()
    }


def _is_told(resource: str, view: JsonObject, member: str) -> bool:
    match resource:
        case "agent_status":
            return member in TOTALS
        case "run" if member == "duration_seconds":
            return view["completed_at"] is not None
        case _:
            return member not in NOT_TOLD.get(resource, ())
