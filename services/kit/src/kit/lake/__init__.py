"""Rows into Iceberg tables: each exactly once, many of them in one commit."""

from kit.lake.arrivals import rows_came
from kit.lake.catalog import load_catalog
from kit.lake.committer import GroupCommitter
from kit.lake.history import Mark
from kit.lake.policy import GroupPolicy, Outcome, Target
from kit.lake.rewrites import history_kept
from kit.lake.rows import ColumnMissing, Row, RowEncoder, UnknownColumn
from kit.lake.target import IcebergTarget, open_target
from kit.lake.write import Pending, Written

__all__ = [
    "ColumnMissing",
    "GroupCommitter",
    "GroupPolicy",
    "IcebergTarget",
    "Mark",
    "Outcome",
    "Pending",
    "Row",
    "RowEncoder",
    "Target",
    "UnknownColumn",
    "Written",
    "history_kept",
    "load_catalog",
    "open_target",
    "rows_came",
]
