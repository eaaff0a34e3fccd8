-- What became of advice: failed attempts of live payments by why they failed, which attempt it was and what was advised.
{{ config(materialized='table', on_table_exists='replace') }}

select
    cast(date_trunc('month', failed_date) as date) as failed_month,
    merchant_id,
    provider,
    currency,
    failure_category,
    attempt,
    advised_action,
    count(*) as failed_count,
    sum(amount_minor) as failed_minor,
    sum(amount_major) as failed_major,
    count_if(retry_advised) as retry_advised_count,
    cast(avg(cast(advised_delay_seconds as decimal(18, 3))) as decimal(18, 3)) as advised_delay_seconds_average,
    count_if(tried_at is not null) as tried_count,
    count_if(tried_at is not null and not retry_advised) as tried_against_advice_count,
    count_if(tried_after_seconds < advised_delay_seconds) as tried_early_count,
    count_if(tried_outcome = 'failed') as failed_again_count,
    count_if(tried_outcome = 'came_back') as came_back_count,
    count_if(tried_outcome = 'recovered') as recovered_count,
    sum(recovered_minor) as recovered_minor,
    sum(recovered_major) as recovered_major,
    cast(avg(if(tried_outcome = 'recovered', cast(tried_after_seconds as decimal(18, 3)))) as decimal(18, 3)) as recovered_after_seconds_average,
    max(if(tried_outcome = 'recovered', cast(tried_after_seconds as decimal(18, 3)))) as recovered_after_seconds_maximum,
    count_if(state = 'open') as open_count,
    count_if(state = 'lost') as lost_count,
    cast(cast(count_if(tried_outcome = 'recovered') as decimal(18, 6)) / count(*) as decimal(7, 6)) as recovery_rate,
    cast(
        cast(count_if(tried_outcome = 'recovered') as decimal(18, 6)) / nullif(count_if(tried_at is not null), 0) as decimal(7, 6)
    ) as retry_success_rate
from {{ ref('failed_attempts') }}
where livemode
group by 1, 2, 3, 4, 5, 6, 7
