-- What the business rules said of live events, by day, merchant, provider and rule. Rebuilt whole, as all of Gold.
{{ config(materialized='table', on_table_exists='replace') }}

with verdicts as (

    select
        event_date,
        merchant_id,
        provider,
        broken.rule as rule,
        1 as is_broken
    from {{ ref('payments_cleaned') }}
    cross join unnest(rule_violations) as broken (rule)
    where coalesce(livemode, true)
    union all
    select
        event_date,
        merchant_id,
        provider,
        undecided.rule as rule,
        0 as is_broken
    from {{ ref('payments_cleaned') }}
    cross join unnest(rules_undecided) as undecided (rule)
    where coalesce(livemode, true)

)

select
    event_date,
    merchant_id,
    provider,
    rule,
    sum(is_broken) as broken_count,
    sum(1 - is_broken) as undecided_count
from verdicts
group by event_date, merchant_id, provider, rule
