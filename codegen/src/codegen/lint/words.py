"""Names that a field cannot have, since a target reads them as something else."""

from __future__ import annotations

import builtins
import keyword
from typing import Final

from pydantic import BaseModel

# https://trino.io/docs/current/language/reserved.html: columns of these names would have to be quoted in every query.
_TRINO = """
    alter and as auto between by case cast constraint create cross cube current_catalog current_date current_path
    current_role current_schema current_time current_timestamp current_user deallocate delete describe distinct drop
    else end escape except exists extract false for from full group grouping having in inner insert intersect into is
    join json_array json_exists json_object json_query json_table json_value left like listagg localtime localtimestamp
    natural normalize not null on or order outer prepare recursive right rollup select skip table then trim true
    uescape union unnest using values when where with
"""
# The types that generated models are written with: an attribute of that name would stand before them.
_TYPES = ("bool", "bytes", "dict", "float", "int", "list", "str")

RESERVED: Final[dict[str, str]] = {
    **dict.fromkeys(_TRINO.split(), "Trino's SQL"),
    **dict.fromkeys((name for name in dir(BaseModel) if not name.startswith("_")), "Pydantic's models"),
    **dict.fromkeys((name for name in _TYPES if hasattr(builtins, name)), "Python's types"),
    **dict.fromkeys(keyword.kwlist, "Python"),
}
"""What each reserved word belongs to."""
