"""What all tables share: the naming convention, the Python-to-column types, ids, scope and times."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from folkmoot.db.types import JsonText, Usd, UtcTime
from folkmoot.kernel.json import JsonObject

Id = Annotated[str, mapped_column(sa.String(36))]
Name = Annotated[str, mapped_column(sa.String(255))]
Word = Annotated[str, mapped_column(sa.String(64))]


class Table(DeclarativeBase):
    """A row's type. Statements are Core; a result row is read through the class it was selected from."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar = {
        str: sa.Text(),
        int: sa.BigInteger(),
        datetime: UtcTime(),
        JsonObject: JsonText(),
        list[str]: JsonText(),
        Decimal: Usd(),
    }


class Times:
    """Mixed into every table."""

    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


def in_project() -> sa.ForeignKeyConstraint:
    """The composite key that makes the database itself refuse a row which mixes tenants."""
    return sa.ForeignKeyConstraint(
        ["workspace_id", "project_id"], ["projects.workspace_id", "projects.id"], ondelete="CASCADE"
    )
