-- Payments alone: a refund, charge, dispute or payout is another view of money that a payment has counted already.
-- Rebuilt whole, so an event that arrives days late counts on the day it happened; replaced in one commit, so a reader
-- never finds it missing.
{{ config(materialized='table', on_table_exists='replace') }}

select
    event_date,
    merchant_id,
    provider,
    currency,
    status,
    count(*) as payment_count,
    sum(amount_minor) as amount_minor,
    sum(amount_major) as amount_major,
    count_if(is_failed) as failed_count,
    count_if(retry_advised) as retry_advised_count,
    count_if(breaks_rules) as rule_breaking_count,
    -- Decimal, because a sum of doubles depends on the order of its terms.
    avg(cast(fraud_score as decimal(10, 9))) as fraud_score_average,
    max(fraud_score) as fraud_score_maximum,
    count_if(fraud_risk_level = 'high') as high_risk_count,
    count_if(fraud_score_source = 'fallback') as fallback_score_count
from {{ ref('payments_cleaned') }}
where event_family = 'payment'
group by event_date, merchant_id, provider, currency, status
