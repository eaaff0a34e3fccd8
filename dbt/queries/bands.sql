-- Merchants by month and band of their health.
select
    score_month,
    band,
    count(*) as merchant_count
from gold.merchant_health_scores
where score_month between date_trunc('month', current_date - interval '89' day) and current_date
group by score_month, band
order by score_month, band
