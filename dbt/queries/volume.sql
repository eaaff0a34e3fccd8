-- Payments and money by day and currency: each payment once, live data alone.
select
    event_date,
    currency,
    sum(payment_count) as payment_count,
    sum(captured_major) as captured_major,
    sum(net_major) as net_major
from gold.daily_payment_metrics
where event_date between current_date - interval '89' day and current_date
group by event_date, currency
order by event_date, currency
