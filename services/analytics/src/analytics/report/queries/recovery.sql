-- Claims that failed at least once, and how far their recovery came, by currency: each claim once.
select
    currency,
    sum(failed_count) as failed_count,
    sum(failed_major) as failed_major,
    sum(advised_count) as advised_count,
    sum(advised_major) as advised_major,
    sum(retried_count) as retried_count,
    sum(retried_major) as retried_major,
    sum(recovered_count) as recovered_count,
    sum(recovered_major) as recovered_major,
    sum(lost_count) as lost_count,
    sum(lost_major) as lost_major,
    sum(open_count) as open_count,
    sum(open_major) as open_major
from gold.recovery_funnel
where failed_month between date_trunc('month', current_date - interval '89' day) and current_date
group by currency
order by failed_count desc, currency
