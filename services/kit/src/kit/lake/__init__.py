"""Rows into Iceberg tables: each exactly once, many of them in one commit."""

from kit.lake.catalog import load_catalog
from kit.lake.committer import GroupCommitter, GroupPolicy, Outcome
from kit.lake.once import AppendTarget, Conflict
from kit.lake.rows import Row, RowEncoder, UnknownColumn
from kit.lake.table import IcebergTarget, open_target

__all__ = [
    "AppendTarget",
    "Conflict",
    "GroupCommitter",
    "GroupPolicy",
    "IcebergTarget",
    "Outcome",
    "Row",
    "RowEncoder",
    "UnknownColumn",
    "load_catalog",
    "open_target",
]
