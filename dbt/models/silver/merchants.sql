-- Merchants, a row for each version of what the reference table of the operational store says of one. A merchant of whom there were
-- events before anybody had registered it was unregistered then, so that every event has a merchant of its time.
{{ config(materialized='table', tags=['daily'], on_table_exists='replace') }}

-- A row that was copied twice is one.
with registered as (

    select
        merchant_id,
        version,
        status,
        allowed_currencies,
        payment_limits,
        changed_at
    from (
        select
            reference.*,
            row_number() over (partition by merchant_id, version order by changed_at) as copy
        from {{ source('bronze', 'merchant_terms') }} as reference
    ) as copied
    where copy = 1

),

registration as (

    select merchant_id, min(changed_at) as registered_at
    from registered
    group by merchant_id

),

seen as (

    select merchant_id, min(provider_created_at) as seen_at
    from {{ ref('payments_cleaned') }}
    group by merchant_id

),

versions as (

    select
        merchant_id,
        version,
        status,
        allowed_currencies,
        payment_limits,
        changed_at as valid_from
    from registered
    union all
    select
        seen.merchant_id,
        0,
        'unregistered',
        cast(null as array(varchar)),
        cast(null as map(varchar, bigint)),
        seen.seen_at
    from seen
    left join registration
        on registration.merchant_id = seen.merchant_id
    where registration.registered_at is null or seen.seen_at < registration.registered_at

)

select
    merchant_id,
    version,
    status,
    allowed_currencies,
    payment_limits,
    valid_from,
    lead(valid_from) over (partition by merchant_id order by version) as valid_to,
    lead(valid_from) over (partition by merchant_id order by version) is null as is_current
from versions
