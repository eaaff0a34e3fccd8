-- What was known of an event's merchant and customer when the provider made it. A view: a stored join would be out of date as soon as
-- somebody registers a merchant.
{{ config(materialized='view', tags=['daily']) }}

select
    event.event_id,
    event.provider,
    event.merchant_id,
    event.customer_id,
    event.provider_created_at,
    merchant.version as merchant_version,
    merchant.status as merchant_status,
    coalesce(
        cardinality(merchant.allowed_currencies) = 0 or contains(merchant.allowed_currencies, event.currency), true
    ) as is_allowed_currency,
    element_at(merchant.payment_limits, event.currency) as payment_limit_minor,
    customer.version as customer_version,
    customer.first_told_at as customer_since,
    customer.payment_method_type as customer_payment_method_type,
    customer.card_brand as customer_card_brand
from {{ ref('payments_cleaned') }} as event
left join {{ ref('merchants') }} as merchant
    on merchant.merchant_id = event.merchant_id
        and merchant.valid_from <= event.provider_created_at
        and (merchant.valid_to is null or merchant.valid_to > event.provider_created_at)
left join {{ ref('customers') }} as customer
    on customer.provider = event.provider
        and customer.merchant_id = event.merchant_id
        and customer.customer_id = event.customer_id
        and customer.valid_from <= event.provider_created_at
        and (customer.valid_to is null or customer.valid_to > event.provider_created_at)
