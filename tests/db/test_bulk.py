"""What moving asks of a column's type and of the size of a batch."""

import pytest
import sqlalchemy as sa

from folkmoot.db.bulk import Kind, kind_of, rows_in_next
from folkmoot.migrations.metadata import METADATA


def test_a_type_that_nobody_has_moved_yet_is_an_error() -> None:
    assert {kind_of(column) for table in METADATA.sorted_tables for column in table.columns} == {*Kind}
    with pytest.raises(TypeError, match="cannot be moved"):
        kind_of(sa.Column("how_long", sa.Interval()))


def test_batches_are_small_where_rows_are_large() -> None:
    assert rows_in_next(16, 16 * 1000) == 256
    assert rows_in_next(16, 16 * 1024**2) == 4
    assert rows_in_next(1, 100 * 1024**2) == 1
    assert rows_in_next(1, 0) == 256
