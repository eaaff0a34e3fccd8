{#
  Passes when the values of the last days are spread as those of the days before them: the Kullback-Leibler divergence of the shares
  of each value, in nats, is below the threshold. Each value has half a row more than there are, so that one which is new, or gone,
  counts as rare and not as impossible. Where either of the two has fewer rows than `least_rows` it is chance, and not judged. `weight` is what a
  row counts for. What is unusual need not be wrong, so this is for tests that warn.
#}
{% test expect_column_kl_divergence_to_be_less_than(model, column_name, date_column_name, threshold=0.25, recent_days=7, trend_days=28, least_rows=100, weight='1', group_by=[]) %}
{%- set of_group = 'partition by ' ~ group_by | join(', ') if group_by else '' -%}
with bounds as (

    select max({{ date_column_name }}) as last_day
    from {{ model }}

),

counted as (

    select
        {%- for each in group_by %}
        {{ each }},
        {%- endfor %}
        {{ column_name }} as value,
        coalesce(cast(sum({{ weight }}) filter (where {{ date_column_name }} > last_day - interval '{{ recent_days }}' day) as double), 0) as recent_rows,
        coalesce(cast(sum({{ weight }}) filter (where {{ date_column_name }} <= last_day - interval '{{ recent_days }}' day) as double), 0) as earlier_rows
    from {{ model }}
    cross join bounds
    where {{ date_column_name }} > last_day - interval '{{ recent_days + trend_days }}' day
    group by {% for each in group_by %}{{ each }}, {% endfor %}{{ column_name }}

),

shares as (

    select
        counted.*,
        sum(recent_rows) over ({{ of_group }}) as all_recent_rows,
        sum(earlier_rows) over ({{ of_group }}) as all_earlier_rows,
        (recent_rows + 0.5) / (sum(recent_rows) over ({{ of_group }}) + 0.5 * count(*) over ({{ of_group }})) as recent_share,
        (earlier_rows + 0.5) / (sum(earlier_rows) over ({{ of_group }}) + 0.5 * count(*) over ({{ of_group }})) as earlier_share
    from counted

)

select
    {%- for each in group_by %}
    {{ each }},
    {%- endfor %}
    all_recent_rows,
    all_earlier_rows,
    sum(recent_share * ln(recent_share / earlier_share)) as divergence
from shares
where all_recent_rows >= {{ least_rows }}
    and all_earlier_rows >= {{ least_rows }}
group by {% for each in group_by %}{{ each }}, {% endfor %}all_recent_rows, all_earlier_rows
having sum(recent_share * ln(recent_share / earlier_share)) >= {{ threshold }}
{% endtest %}
