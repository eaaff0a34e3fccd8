-- Gold's two views of recovery are of the same attempts and the same money: fails with the currencies where they differ from Silver's.
{{ config(meta={'dagster': {'ref': {'name': 'recovery_funnel', 'package_name': 'payments'}}}) }}

with views as (

    select 'silver' as view_name, currency, count(*) as attempts, sum(recovered_minor) as recovered_minor
    from {{ ref('failed_attempts') }}
    where livemode
    group by currency
    union all
    select 'performance', currency, sum(failed_count), sum(recovered_minor)
    from {{ ref('decline_and_retry_performance') }}
    group by currency
    union all
    select 'funnel', currency, sum(attempt_count), sum(recovered_minor)
    from {{ ref('recovery_funnel') }}
    group by currency

)

select currency, min(attempts) as least, max(attempts) as most, min(recovered_minor) as least_minor, max(recovered_minor) as most_minor
from views
group by currency
having count(*) <> 3 or min(attempts) <> max(attempts) or min(recovered_minor) <> max(recovered_minor)
