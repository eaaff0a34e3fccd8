-- Every refund, dispute and reversal of history is in one row of payments: fails with the providers where some are in none, or in two.
{{ config(tags=['whole'], meta={'dagster': {'ref': {'name': 'payments', 'package_name': 'payments'}}}) }}

with history as (

    select provider, count(distinct object_family || '/' || object_id) as objects
    from {{ ref('payment_history') }}
    where object_family in (
        {{ payments_sources.families_as('refund') }}, {{ payments_sources.families_as('dispute') }},
        {{ payments_sources.families_as('reversal') }}
    )
    group by provider

),

silver as (

    select provider, sum(refund_count + dispute_count + reversal_count) as objects
    from {{ ref('payments') }}
    group by provider

)

select history.provider, history.objects, silver.objects as counted
from history
left join silver
    on silver.provider = history.provider
where silver.objects is distinct from history.objects
