{#
  The given rows of a unit test, in the place of dbt's macro of this name: as one list of values and not as a union of selects. What
  reads the given in many places, as `payments` reads its history, is otherwise a plan of hundreds of branches, and Trino refuses
  a query of so many stages.
#}
{% macro get_fixture_sql(rows, column_name_to_data_types) -%}
    {%- set types = column_name_to_data_types or {} -%}
    {%- if not types -%}
        {%- for column in adapter.get_columns_in_relation(this) -%}
            {%- do types.update({column.name | lower: column.data_type}) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if not types -%}
        {{ exceptions.raise_compiler_error(this ~ " is not there, and a unit test takes its columns from it: build it first") }}
    {%- endif -%}
select *
from (
    values
    {%- for row in rows or [{}] %}
        {%- set cells = format_row(row, types) %}
        (
        {%- for name, type in types.items() -%}
            {{ cells.get(name) or safe_cast('null', type) | trim }}{{ ', ' if not loop.last }}
        {%- endfor -%}
        ){{ ',' if not loop.last }}
    {%- endfor %}
) as given ({% for name in types %}{{ adapter.quote(name) }}{{ ', ' if not loop.last }}{% endfor %})
{%- if not rows %}
where false
{%- endif %}
{%- endmacro %}
