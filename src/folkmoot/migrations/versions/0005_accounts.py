"""Accounts, members, invitations, secrets and the audit log."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_AT = sa.DateTime(timezone=True)
_TABLES = (
    "users",
    "user_sessions",
    "api_keys",
    "login_attempts",
    "socket_tickets",
    "memberships",
    "invitations",
    "secrets",
    "audit_log",
)


def upgrade() -> None:
    _users()
    _keys()
    _members()
    _log()


def downgrade() -> None:
    for name in reversed(_TABLES):
        op.drop_table(name)


def _id(name: str = "id", *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(36), primary_key=name == "id", nullable=nullable)


def _word(name: str, length: int = 64, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=nullable)


def _at(*names: str, nullable: bool = False) -> list[sa.Column[object]]:
    return [sa.Column(name, _AT, nullable=nullable) for name in names]


def _users() -> None:
    op.create_table(
        "users",
        _id(),
        _word("email", 255),
        _word("email_key", 255),
        _word("full_name", 255, nullable=True),
        _word("password_hash", 255),
        sa.Column("is_admin", sa.Boolean(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        *_at("created_at", "updated_at"),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("email_key", name="uq_users_email_key"),
    )
    op.create_table(
        "user_sessions",
        _id(),
        _id("user_id", nullable=True),
        _id("family_id"),
        _word("refresh_hash"),
        *_at("expires_at"),
        *_at("used_at", "revoked_at", nullable=True),
        *_at("created_at", "updated_at"),
        sa.PrimaryKeyConstraint("id", name="pk_user_sessions"),
        sa.UniqueConstraint("refresh_hash", name="uq_user_sessions_refresh_hash"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_user_sessions_user_id_users", ondelete="CASCADE"),
    )
    for column in ("family_id", "user_id", "expires_at"):
        op.create_index(f"ix_user_sessions_{column}", "user_sessions", [column])


def _keys() -> None:
    op.create_table(
        "api_keys",
        _id(),
        _id("user_id"),
        _id("workspace_id", nullable=True),
        _word("name", 255),
        _word("prefix"),
        _word("hash"),
        sa.Column("scopes", sa.Text(), nullable=False),
        *_at("expires_at", "revoked_at", "last_used_at", nullable=True),
        *_at("created_at", "updated_at"),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.UniqueConstraint("prefix", name="uq_api_keys_prefix"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_api_keys_user_id_users", ondelete="CASCADE"),
    )
    op.create_index("ix_api_keys_user_id", "api_keys", ["user_id"])
    op.create_table(
        "login_attempts",
        _word("subject"),
        *_at("since"),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name="pk_login_attempts"),
    )
    op.create_table(
        "socket_tickets",
        _word("hash"),
        sa.Column("caller", sa.Text(), nullable=False),
        *_at("expires_at"),
        sa.PrimaryKeyConstraint("hash", name="pk_socket_tickets"),
    )
    op.create_index("ix_socket_tickets_expires_at", "socket_tickets", ["expires_at"])


def _members() -> None:
    op.create_table(
        "memberships",
        _id(),
        _id("workspace_id"),
        _id("user_id"),
        _word("role"),
        *_at("created_at", "updated_at"),
        sa.PrimaryKeyConstraint("id", name="pk_memberships"),
        sa.UniqueConstraint("workspace_id", "user_id", name="uq_memberships_workspace_id_user_id"),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_memberships_workspace_id_workspaces", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_memberships_user_id_users", ondelete="CASCADE"),
    )
    op.create_index("ix_memberships_user_id_id", "memberships", ["user_id", "id"])
    op.create_table(
        "invitations",
        _id(),
        _id("workspace_id"),
        _word("email", 255, nullable=True),
        _word("role"),
        _word("token_hash"),
        *_at("expires_at"),
        *_at("accepted_at", nullable=True),
        *_at("created_at", "updated_at"),
        sa.PrimaryKeyConstraint("id", name="pk_invitations"),
        sa.UniqueConstraint("token_hash", name="uq_invitations_token_hash"),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_invitations_workspace_id_workspaces", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_invitations_workspace_id", "invitations", ["workspace_id"])
    op.create_table(
        "secrets",
        _id(),
        _id("workspace_id"),
        _word("name"),
        sa.Column("ciphertext", sa.Text(), nullable=False),
        _word("key_version"),
        *_at("created_at", "updated_at"),
        sa.PrimaryKeyConstraint("id", name="pk_secrets"),
        sa.UniqueConstraint("workspace_id", "name", name="uq_secrets_workspace_id_name"),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_secrets_workspace_id_workspaces", ondelete="CASCADE"
        ),
    )


def _log() -> None:
    op.create_table(
        "audit_log",
        _id(),
        _id("workspace_id", nullable=True),
        _word("actor_kind"),
        _word("actor_id"),
        _word("actor_name", 255),
        _word("verb"),
        _word("object_kind"),
        _word("object_id", 255, nullable=True),
        _word("address", nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        *_at("at"),
        sa.PrimaryKeyConstraint("id", name="pk_audit_log"),
    )
    op.create_index("ix_audit_log_workspace_id_id", "audit_log", ["workspace_id", "id"])
