{# Passes when a column grows with another, within each group: strictly, unless equal values are allowed. #}
{% test expect_column_values_to_be_increasing(model, column_name, sort_column, group_by, strictly=true) %}
select *
from (
    select
        {{ group_by | join(', ') }},
        {{ sort_column }},
        {{ column_name }},
        lag({{ column_name }}) over (partition by {{ group_by | join(', ') }} order by {{ sort_column }}) as value_before
    from {{ model }}
) as ordered
where {{ column_name }} {{ '<=' if strictly else '<' }} value_before
{% endtest %}
