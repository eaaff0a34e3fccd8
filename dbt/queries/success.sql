-- Of the payments that came to an end, the part that succeeded, by day and provider. Rates are of counts: no amounts are added.
with ended as (
    select
        event_date,
        provider,
        coalesce(
            sum(payment_count) filter (where status in ('succeeded', 'partially_refunded', 'refunded')), 0
        ) as succeeded_count,
        sum(failed_count) as failed_count
    from gold.daily_payment_metrics
    where event_date between current_date - interval '89' day and current_date
    group by event_date, provider
)

select
    event_date,
    provider,
    succeeded_count,
    failed_count
from ended
where succeeded_count + failed_count > 0
order by event_date, provider
