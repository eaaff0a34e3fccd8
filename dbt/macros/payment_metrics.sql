{# Payments added up by day, merchant, provider, currency and state: of live data, or of test data. #}
{% macro payment_metrics(condition) -%}
select
    event_date,
    merchant_id,
    provider,
    currency,
    status,
    count_if(status <> 'unknown') as payment_count,
    sum(case when captured_minor > 0 then captured_minor else asked_minor end) as amount_minor,
    sum(case when captured_minor > 0 then captured_major else asked_major end) as amount_major,
    count_if(status = 'failed') as failed_count,
    count_if(retry_advised) as retry_advised_count,
    count_if(breaks_rules) as rule_breaking_count,
    -- Decimal, because a sum of doubles depends on the order of its terms.
    avg(cast(fraud_score as decimal(10, 9))) as fraud_score_average,
    max(fraud_score) as fraud_score_maximum,
    count_if(fraud_risk_level = 'high') as high_risk_count,
    count_if(fraud_score_source = 'fallback') as fallback_score_count,
    sum(captured_minor) as captured_minor,
    sum(captured_major) as captured_major,
    sum(refunded_minor) as refunded_minor,
    sum(refunded_major) as refunded_major,
    sum(disputed_minor) as disputed_minor,
    sum(disputed_major) as disputed_major,
    sum(fee_minor) as fee_minor,
    sum(fee_major) as fee_major,
    sum(net_minor) as net_minor,
    sum(net_major) as net_major,
    -- Of the whole day, whatever the state of this row: succeeded over succeeded and failed.
    cast(
        cast(
            sum(count_if(status in ('succeeded', 'partially_refunded', 'refunded')))
                over (partition by event_date, merchant_id, provider, currency)
            as decimal(18, 6)
        )
        / nullif(
            sum(count_if(status in ('succeeded', 'partially_refunded', 'refunded', 'failed')))
                over (partition by event_date, merchant_id, provider, currency),
            0
        )
        as decimal(7, 6)
    ) as success_rate,
    sum(refund_count) as refund_count,
    sum(dispute_count) as dispute_count,
    sum(dispute_lost_minor) as dispute_lost_minor,
    sum(dispute_lost_major) as dispute_lost_major,
    count_if(fraud_score_source = 'not_scored') as not_scored_count,
    count_if(fraud_score_source <> 'not_scored' and fraud_risk_level = 'low') as low_risk_count,
    count_if(fraud_risk_level = 'medium') as medium_risk_count,
    sum(reversed_minor) as reversed_minor,
    sum(reversed_major) as reversed_major,
    sum(reversal_count) as reversal_count
from {{ ref('payments') }}
where {{ condition }}
group by event_date, merchant_id, provider, currency, status
{%- endmacro %}
