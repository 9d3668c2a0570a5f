"""A workspace's secrets, as ciphertext; `key_version` names the key they were encrypted with."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from folkmoot.db.base import Id, Table, Times, Word


class Secret(Times, Table):
    __tablename__ = "secrets"

    id: Mapped[Id] = mapped_column(primary_key=True)
    workspace_id: Mapped[Id] = mapped_column(sa.ForeignKey("workspaces.id", ondelete="CASCADE"))
    name: Mapped[Word]
    ciphertext: Mapped[str]
    key_version: Mapped[Word]

    __table_args__ = (sa.UniqueConstraint("workspace_id", "name"),)
