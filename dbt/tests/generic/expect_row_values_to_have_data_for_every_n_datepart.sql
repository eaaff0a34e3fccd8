{#
  Passes when every period of so many days from the first to the last has rows; `days` bounds how far back from the last is looked. A
  gap may be a holiday as well as a loss, so this is for tests that warn.
#}
{% test expect_row_values_to_have_data_for_every_n_datepart(model, date_col, interval=1, days=90) %}
with known as (

    select distinct {{ date_col }} as day
    from {{ model }}

),

bounds as (

    select greatest(min(day), max(day) - interval '{{ days }}' day) as first_day, max(day) as last_day
    from known

),

followed as (

    select known.day, lead(known.day) over (order by known.day) as next_day
    from known
    cross join bounds
    where known.day >= bounds.first_day

)

select day, next_day
from followed
where date_diff('day', day, next_day) > {{ interval }}
{% endtest %}
