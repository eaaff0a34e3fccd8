{#
  Whether a model adds columns that its table does not have yet. Such a run takes every row anew, so that rows from
  before get values in the new columns, too; where the table is not there, nothing is gained.
#}
{% macro gains_columns(relation, names) -%}
    {%- if not execute -%}
        {{ return(false) }}
    {%- endif -%}
    {%- set present = adapter.get_columns_in_relation(relation) | map(attribute='name') | map('lower') | list -%}
    {{ return(names | reject('in', present) | list | length > 0) }}
{%- endmacro %}
