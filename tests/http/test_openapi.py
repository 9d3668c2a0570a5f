"""OpenAPI tells who may call, what a stranger is told, and where what was made is found."""

import pytest

from tests.house.operations import by_id, document, operations


def test_everything_is_closed_but_what_is_listed() -> None:
    assert document()["security"] == [{name: []} for name in document()["components"]["securitySchemes"]]
    opened = {operation.path for operation in operations() if operation.said.get("security") == []}
    assert {path for path in opened if not path.startswith(("/api/health", "/api/login"))} == {
        "/api/logout",
        "/api/register",
    }
    assert "/api/health/status" not in opened


def test_schemes() -> None:
    schemes = document()["components"]["securitySchemes"]
    assert schemes["bearer"]["scheme"] == "bearer"
    assert schemes["api_key"]["name"] == "X-API-Key"
    token_url = schemes["password"]["flows"]["password"]["tokenUrl"]
    assert token_url in {operation.path for operation in operations() if operation.method == "POST"}


def test_every_operation_declares_what_the_layers_ahead_of_it_answer() -> None:
    for operation in operations():
        assert operation.said["responses"].keys() >= {"401", "403", "422", "429", "500"}, operation.id
        if operation.media("body"):
            assert operation.said["responses"].keys() >= {"408", "413"}, operation.id


@pytest.mark.parametrize(
    ("made_by", "reached", "parameters", "body"),
    [
        ("create_task", "get_task", {"task_id": "$response.body#/id"}, None),
        ("create_task", "start_run", None, {"task_id": "$response.body#/id"}),
        ("start_run", "list_run_artifacts", {"run_id": "$response.body#/id"}, None),
        ("create_agent", "list_agent_messages", {"agent_id": "$response.body#/id"}, None),
        (
            "create_project",
            "get_project",
            {"workspace_id": "$request.path.workspace_id", "project_id": "$response.body#/id"},
            None,
        ),
    ],
)
def test_links(made_by: str, reached: str, parameters: dict[str, str] | None, body: dict[str, str] | None) -> None:
    [links] = [answer["links"] for answer in by_id()[made_by].said["responses"].values() if "links" in answer]
    assert (links[reached].get("parameters"), links[reached].get("requestBody")) == (parameters, body)


def test_every_link_leads_to_an_operation_and_fills_its_path() -> None:
    for operation in operations():
        for answer in operation.said["responses"].values():
            for link in answer.get("links", {}).values():
                place = by_id()[link["operationId"]].path
                assert all(f"{{{name}}}" in place for name in link.get("parameters", {})), link
                assert place.count("{") == len(link.get("parameters", {})), link
