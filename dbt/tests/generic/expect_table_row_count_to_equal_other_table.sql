{# Passes when two tables have as many rows, of all of them or of each group; what has a group in one table alone fails. #}
{% test expect_table_row_count_to_equal_other_table(model, compare_model, group_by=[], row_condition='true', compare_row_condition='true') %}
with counted as (

    select {% for each in group_by %}{{ each }}, {% endfor %}count(*) as row_count, 0 as compared_count
    from {{ model }}
    where {{ row_condition }}
    {%- if group_by %}
    group by {{ group_by | join(', ') }}
    {%- endif %}
    union all
    select {% for each in group_by %}{{ each }}, {% endfor %}0, count(*)
    from {{ compare_model }}
    where {{ compare_row_condition }}
    {%- if group_by %}
    group by {{ group_by | join(', ') }}
    {%- endif %}

)

select {% for each in group_by %}{{ each }}, {% endfor %}sum(row_count) as row_count, sum(compared_count) as compared_count
from counted
{%- if group_by %}
group by {{ group_by | join(', ') }}
{%- endif %}
having sum(row_count) <> sum(compared_count)
{% endtest %}
