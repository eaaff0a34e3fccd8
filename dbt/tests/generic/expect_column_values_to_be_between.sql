{# Passes when every value, where there is one, is from the one bound to the other, both included; a bound that is none is no bound. #}
{% test expect_column_values_to_be_between(model, column_name, min_value=none, max_value=none, row_condition='true') %}
select {{ column_name }} as value, count(*) as row_count
from {{ model }}
where {{ row_condition }}
    and (
        {%- if min_value is not none %} {{ column_name }} < {{ min_value }}{% endif %}
        {%- if min_value is not none and max_value is not none %} or{% endif %}
        {%- if max_value is not none %} {{ column_name }} > {{ max_value }}{% endif %}
    )
group by {{ column_name }}
{% endtest %}
