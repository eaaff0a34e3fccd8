{# Passes when every value, where there is one, is in the closed set that the contract declares for the field, or in `also`. #}
{% test allowed_by_contract(model, column_name, field=none, also=[]) %}
select {{ column_name }} as value, count(*) as row_count
from {{ model }}
where {{ column_name }} not in (
    {%- if execute -%}
    {%- for value in allowed_values(field or column_name) + also %}
    {{ dbt.string_literal(value) }}{{ "," if not loop.last }}
    {%- endfor -%}
    {%- else %} '' {% endif %}
)
group by {{ column_name }}
{% endtest %}
