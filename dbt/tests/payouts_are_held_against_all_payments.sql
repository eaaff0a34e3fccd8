-- What reconciliation says was earned is what payments brought, on whichever days: fails with the merchants, providers and
-- currencies where it is not.
{{ config(meta={'dagster': {'ref': {'name': 'payout_reconciliation', 'package_name': 'payments'}}}) }}

with silver as (

    select merchant_id, provider, currency, sum(net_minor) as net_minor
    from {{ ref('payments') }}
    where livemode
    group by merchant_id, provider, currency

),

gold as (

    select merchant_id, provider, currency, sum(earned_minor) as earned_minor
    from {{ ref('payout_reconciliation') }}
    group by merchant_id, provider, currency

)

select
    coalesce(silver.merchant_id, gold.merchant_id) as merchant_id,
    coalesce(silver.provider, gold.provider) as provider,
    coalesce(silver.currency, gold.currency) as currency,
    silver.net_minor,
    gold.earned_minor
from silver
full outer join gold
    on gold.merchant_id = silver.merchant_id
        and gold.provider = silver.provider
        and gold.currency = silver.currency
-- Where there are payouts alone, nothing was earned.
where coalesce(silver.net_minor, 0) <> coalesce(gold.earned_minor, 0)
