-- What was owed and failed at least once, live data alone, in the month in which it first failed: each claim once, and in one of
-- recovered, lost and open.
{{ config(materialized='table', on_table_exists='replace') }}

with claims as (

    select
        provider,
        claim_id,
        currency,
        min(failed_date) as failed_date,
        max(merchant_id) filter (where is_last) as merchant_id,
        max(amount_minor) filter (where is_last) as amount_minor,
        max(amount_major) filter (where is_last) as amount_major,
        max(state) filter (where is_last) as state,
        bool_or(retry_advised) as is_advised,
        bool_or(tried_at is not null) as is_retried,
        count(*) as attempts,
        sum(recovered_minor) as recovered_minor,
        sum(recovered_major) as recovered_major
    from {{ ref('failed_attempts') }}
    where livemode
    group by provider, claim_id, currency

)

select
    cast(date_trunc('month', failed_date) as date) as failed_month,
    merchant_id,
    provider,
    currency,
    count(*) as failed_count,
    sum(amount_minor) as failed_minor,
    sum(amount_major) as failed_major,
    count_if(is_advised) as advised_count,
    coalesce(sum(amount_minor) filter (where is_advised), 0) as advised_minor,
    coalesce(sum(amount_major) filter (where is_advised), 0) as advised_major,
    count_if(is_retried) as retried_count,
    coalesce(sum(amount_minor) filter (where is_retried), 0) as retried_minor,
    coalesce(sum(amount_major) filter (where is_retried), 0) as retried_major,
    count_if(state = 'recovered') as recovered_count,
    sum(recovered_minor) as recovered_minor,
    sum(recovered_major) as recovered_major,
    count_if(state = 'lost') as lost_count,
    coalesce(sum(amount_minor) filter (where state = 'lost'), 0) as lost_minor,
    coalesce(sum(amount_major) filter (where state = 'lost'), 0) as lost_major,
    count_if(state = 'open') as open_count,
    coalesce(sum(amount_minor) filter (where state = 'open'), 0) as open_minor,
    coalesce(sum(amount_major) filter (where state = 'open'), 0) as open_major,
    sum(attempts) as attempt_count,
    cast(
        cast(count_if(state = 'recovered') as decimal(18, 6)) / nullif(count_if(state in ('recovered', 'lost')), 0) as decimal(7, 6)
    ) as recovery_rate
from claims
group by 1, 2, 3, 4
