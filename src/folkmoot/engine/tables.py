"""The rows of the engine: which processes live."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from folkmoot.db.base import Id, Name, Table, Word


class Host(Table):
    """A process that says every few seconds that it lives; its row goes when it ends or is given up."""

    __tablename__ = "hosts"

    id: Mapped[Id] = mapped_column(primary_key=True)
    name: Mapped[Name | None]
    address: Mapped[Name | None]
    kind: Mapped[Word]
    is_draining: Mapped[bool]
    seen_at: Mapped[datetime]
    created_at: Mapped[datetime]
