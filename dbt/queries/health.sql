-- The twenty merchants with the lowest scores of the newest month that has any, and why.
select
    score_month,
    merchant_id,
    payment_count,
    score,
    band,
    explanation
from gold.merchant_health_scores
where score_month = (
    select max(score_month)
    from gold.merchant_health_scores
    where score_month between date_trunc('month', current_date - interval '89' day) and current_date
)
order by score asc nulls last, merchant_id
limit 20
