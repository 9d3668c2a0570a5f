"""Agents that an earlier release has made go on as they were, and so do their numbers."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from folkmoot.migrations import upgrade as migrations
from folkmoot.migrations.upgrade import connected

pytestmark = pytest.mark.system  # files, processes and whole databases

AT = "'2026-11-21 12:00:00.000000', '2026-11-21 12:00:00.000000'"
BEFORE = (
    f"insert into workspaces (id, slug, name, status, meta_data, settings, created_at, updated_at)"
    f" values ('w', 'w', 'W', 'active', '{{}}', '{{}}', {AT})",
    f"insert into projects (id, workspace_id, slug, name, meta_data, created_at, updated_at)"
    f" values ('p', 'w', 'p', 'P', '{{}}', {AT})",
    f"insert into agent_definitions (id, name, slug, agent_type, description, capabilities, config_schema, meta_data,"
    f" is_enabled, created_at, updated_at) values ('d', 'D', 'd', 'd', '', '[]', '{{}}', '{{}}', 1, {AT})",
    *(
        f"insert into agent_instances (id, workspace_id, project_id, definition_id, number, running_runs, task_count,"
        f" success_count, error_count, busy_milliseconds, slug, status, name, config, state, origin, created_at,"
        f" updated_at) values ('a{number}', 'w', 'p', 'd', {number}, 0, 0, 0, 0, 0, 'a{number}', 'active', 'A',"
        f" '{{}}', '{{}}', '{{}}', {AT})"
        for number in (4, 9)
    ),
)


def test_numbers_go_on_where_they_were(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/folkmoot.db"

    def fill(connection: sa.Connection) -> None:
        for statement in BEFORE:
            connection.execute(sa.text(statement))

    def look(connection: sa.Connection) -> tuple[object, object, object]:
        return (
            connection.scalar(sa.text("select last from agent_numbers where workspace_id = 'w'")),
            connection.scalar(sa.text("select is_hosted from agent_definitions")),
            connection.scalar(sa.text("select count(*) from agent_instances where host_id is null")),
        )

    migrations.upgrade(url)
    migrations.downgrade(url, "0002")
    connected(url, fill)
    migrations.upgrade(url)
    assert connected(url, look) == (9, 0, 2)
