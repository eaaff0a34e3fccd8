-- What reconciliation says was earned is what payments brought: fails with the currencies where it is not.
{{ config(meta={'dagster': {'ref': {'name': 'payout_reconciliation', 'package_name': 'payments'}}}) }}

with silver as (

    select currency, sum(net_minor) as net_minor
    from {{ ref('payments') }}
    where livemode
    group by currency

),

gold as (

    select currency, sum(earned_minor) as earned_minor
    from {{ ref('payout_reconciliation') }}
    group by currency

)

select coalesce(silver.currency, gold.currency) as currency, silver.net_minor, gold.earned_minor
from silver
full outer join gold
    on gold.currency = silver.currency
-- A currency of payouts alone has nothing earned.
where coalesce(silver.net_minor, 0) <> coalesce(gold.earned_minor, 0)
