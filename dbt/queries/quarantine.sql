-- Quarantined events by their first reason, what would make them recoverable, and how they stand: each event once.
select
    reason_code,
    recoverability,
    state,
    count(*) as event_count
from silver.payments_quarantine
where is_newest
    and quarantine_date between current_date - interval '89' day and current_date
group by reason_code, recoverability, state
order by reason_code, recoverability, state
