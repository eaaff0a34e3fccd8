-- Customers as their payments tell of them, a row for each time at which something about one became known to be different.
-- Ids and kinds of payment methods, nothing else of a person.
{{ config(materialized='table', tags=['daily'], on_table_exists='replace') }}

with told as (

    select
        provider,
        merchant_id,
        customer_id,
        coalesce(livemode, true) as livemode,
        payment_method_type,
        card_brand,
        currency,
        provider_created_at as told_at,
        event_id
    from {{ ref('payment_history') }}
    where customer_id is not null

),

-- What an event says nothing of stays as it was last told.
known as (

    select
        provider,
        merchant_id,
        customer_id,
        livemode,
        last_value(payment_method_type) ignore nulls over (
            partition by provider, merchant_id, customer_id order by told_at, event_id rows unbounded preceding
        ) as payment_method_type,
        last_value(card_brand) ignore nulls over (
            partition by provider, merchant_id, customer_id order by told_at, event_id rows unbounded preceding
        ) as card_brand,
        currency,
        told_at,
        row_number() over (
            partition by provider, merchant_id, customer_id, told_at order by event_id desc
        ) as place_in_instant
    from told

),

compared as (

    select
        known.*,
        row_number() over (partition by provider, merchant_id, customer_id order by told_at) as telling,
        lag(livemode) over (partition by provider, merchant_id, customer_id order by told_at) as livemode_before,
        lag(payment_method_type) over (
            partition by provider, merchant_id, customer_id order by told_at
        ) as payment_method_type_before,
        lag(card_brand) over (partition by provider, merchant_id, customer_id order by told_at) as card_brand_before,
        lag(currency) over (partition by provider, merchant_id, customer_id order by told_at) as currency_before,
        min(told_at) over (partition by provider, merchant_id, customer_id) as first_told_at
    from known
    where place_in_instant = 1

),

versions as (

    select
        compared.*,
        lead(told_at) over (partition by provider, merchant_id, customer_id order by told_at) as valid_to,
        row_number() over (partition by provider, merchant_id, customer_id order by told_at) as version
    from compared
    where telling = 1
        or livemode is distinct from livemode_before
        or payment_method_type is distinct from payment_method_type_before
        or card_brand is distinct from card_brand_before
        or currency is distinct from currency_before

)

select
    provider,
    merchant_id,
    customer_id,
    version,
    livemode,
    payment_method_type,
    card_brand,
    currency,
    told_at as valid_from,
    valid_to,
    valid_to is null as is_current,
    first_told_at
from versions
