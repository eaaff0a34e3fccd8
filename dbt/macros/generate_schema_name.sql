{#
  A model's schema is the layer it is configured with, not dbt's <target schema>_<layer>.
  DBT_SCHEMA_SUFFIX sets a whole build apart (a test run, a developer): silver_ci7, gold_ci7.
#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}{{ env_var('DBT_SCHEMA_SUFFIX', '') }}
{%- endmacro %}
