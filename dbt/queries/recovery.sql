-- Claims that failed at least once, and how far their recovery came, by currency and step: each claim once in a step.
select
    currency,
    step,
    sum(claim_count) as claim_count,
    sum(amount_major) as amount_major
from gold.recovery_funnel
cross join unnest(
    array['failed', 'advised', 'retried', 'recovered', 'open', 'lost'],
    array[failed_count, advised_count, retried_count, recovered_count, open_count, lost_count],
    array[failed_major, advised_major, retried_major, recovered_major, open_major, lost_major]
) as steps (step, claim_count, amount_major)
where failed_month between date_trunc('month', current_date - interval '89' day) and current_date
group by currency, step
order by currency, step
