{# The closed set that the contract of a source table declares for a field: the values of the source's own test. #}
{% macro allowed_values(field, source_name='bronze', table_name='payment_events') -%}
    {%- for test in graph.nodes.values() if test.resource_type == 'test' and test.column_name == field -%}
        {%- if test.test_metadata and test.test_metadata.name == 'accepted_values'
            and [source_name, table_name] in test.sources -%}
            {{ return(test.test_metadata.kwargs['values']) }}
        {%- endif -%}
    {%- endfor -%}
    {{ exceptions.raise_compiler_error(
        source_name ~ "." ~ table_name ~ "." ~ field ~ " has no closed set in its contract (see generated/dbt)."
    ) }}
{%- endmacro %}
