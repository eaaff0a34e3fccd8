-- Failed attempts by why they failed, and what became of them; the rest of them was tried again, and failed again.
select
    failure_category,
    sum(failed_count) as failed_count,
    sum(recovered_count) as recovered_count,
    sum(open_count) as open_count,
    sum(lost_count) as lost_count
from gold.decline_and_retry_performance
where failed_month between date_trunc('month', current_date - interval '89' day) and current_date
group by failure_category
order by failed_count desc, failure_category
