-- Every live payment of Silver is in Gold once, with its amounts: fails with the currencies where they differ.
{{ config(meta={'dagster': {'ref': {'name': 'daily_payment_metrics', 'package_name': 'payments'}}}) }}

with silver as (

    select
        currency,
        count_if(status <> 'unknown') as payment_count,
        sum(captured_minor) as captured_minor,
        sum(refunded_minor) as refunded_minor,
        sum(reversed_minor) as reversed_minor,
        sum(net_minor) as net_minor,
        sum(net_major) as net_major
    from {{ ref('payments') }}
    where livemode
    group by currency

),

gold as (

    select
        currency,
        sum(payment_count) as payment_count,
        sum(captured_minor) as captured_minor,
        sum(refunded_minor) as refunded_minor,
        sum(reversed_minor) as reversed_minor,
        sum(net_minor) as net_minor,
        sum(net_major) as net_major
    from {{ ref('daily_payment_metrics') }}
    group by currency

)

select
    coalesce(silver.currency, gold.currency) as currency,
    silver.payment_count as silver_payments,
    gold.payment_count as gold_payments,
    silver.net_minor as silver_minor,
    gold.net_minor as gold_minor
from silver
full outer join gold
    on gold.currency = silver.currency
where silver.payment_count is distinct from gold.payment_count
    or silver.captured_minor is distinct from gold.captured_minor
    or silver.refunded_minor is distinct from gold.refunded_minor
    or silver.reversed_minor is distinct from gold.reversed_minor
    or silver.net_minor is distinct from gold.net_minor
    or silver.net_major is distinct from gold.net_major
