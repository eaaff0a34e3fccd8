{#
  Passes when the sum of a column of each day is within so many standard deviations of the mean of the days before it. Days of which
  there are too few before, or that are all alike, are not judged. What is unusual need not be wrong, so this is for tests that warn.
#}
{% test expect_column_values_to_be_within_n_moving_stdevs(model, column_name, date_column_name, trend_periods=28, sigma_threshold=6, group_by=[]) %}
with days as (

    select
        {%- for each in group_by %}
        {{ each }},
        {%- endfor %}
        {{ date_column_name }} as day,
        cast(sum({{ column_name }}) as double) as value
    from {{ model }}
    group by {% for each in group_by %}{{ each }}, {% endfor %}{{ date_column_name }}

),

compared as (

    select
        days.*,
        avg(value) over earlier as mean_before,
        stddev_samp(value) over earlier as deviation_before,
        count(*) over earlier as days_before
    from days
    window earlier as (
        {%- if group_by %} partition by {{ group_by | join(', ') }}{% endif %}
        order by day
        rows between {{ trend_periods }} preceding and 1 preceding
    )

)

select *
from compared
where days_before >= {{ trend_periods }} / 2
    and deviation_before > 0
    and abs(value - mean_before) > {{ sigma_threshold }} * deviation_before
{% endtest %}
