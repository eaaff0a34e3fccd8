-- What could be known of each live payment when it began, for models to learn from: nothing that happened in its own millisecond
-- or later is in any feature, so later events change no row. What became of the payment is in silver.payments.
{{ config(materialized='table', on_table_exists='replace') }}

with history as (

    select
        payment_history.*,
        coalesce(livemode, true) as is_live,
        cast(to_unixtime(provider_created_at) * 1000 as bigint) as told_ms
    from {{ ref('payment_history') }} as payment_history

),

-- Payments and attempts, in the order in which they were told.
objects as (

    select
        history.*,
        row_number() over (partition by provider, object_family, object_id order by told_ms, event_id) as telling,
        first_value(payment_id) over (
            partition by provider, object_family, object_id order by told_ms, event_id
        ) as first_payment_id
    from history
    where object_family in ({{ payments_sources.families_as('payment') }}, {{ payments_sources.families_as('attempt') }})

),

-- An attempt counts where it named no payment at first; that another event does so later was not known then.
told as (

    select *
    from objects
    where first_payment_id = object_id

),

-- As its first event tells it: a later one may know more, and later.
begun as (

    select
        provider,
        object_family,
        object_id as payment_id,
        merchant_id,
        customer_id,
        coalesce(customer_id, object_id) as payer,
        currency,
        amount_minor,
        payment_method_type,
        card_brand,
        is_live,
        invoice_id,
        provider_created_at as as_of,
        told_ms
    from told
    where telling = 1

),

firsts as (

    select
        provider,
        object_id as payment_id,
        min(told_ms) filter (where status = 'failed') as failed_ms,
        min(told_ms) filter (where status in ('succeeded', 'partially_refunded', 'refunded')) as received_ms,
        min_by(captured_minor, told_ms) filter (
            where status in ('succeeded', 'partially_refunded', 'refunded')
        ) as received_minor
    from told
    group by provider, object_id

),

-- Since when it was known which payment is behind a charge.
links as (

    select provider, charge_id, min_by(payment_id, told_ms) as payment_id, min(told_ms) as linked_ms
    from (
        select provider, object_id as charge_id, payment_id, told_ms
        from objects
        where payment_id <> object_id
        union all
        select provider, charge_id, payment_id, told_ms
        from history
        where charge_id <> payment_id
    ) as named
    group by provider, charge_id

),

disputed as (

    select
        dispute.provider,
        dispute.dispute_id,
        coalesce(link.payment_id, dispute.payment_id) as payment_id,
        greatest(dispute.told_ms, coalesce(link.linked_ms, dispute.told_ms)) as told_ms
    from (
        select
            provider,
            object_id as dispute_id,
            min_by(payment_id, told_ms) as payment_id,
            min(told_ms) as told_ms
        from history
        where object_family in ({{ payments_sources.families_as('dispute') }}) and payment_id is not null
        group by provider, object_id
    ) as dispute
    left join links as link
        on link.provider = dispute.provider
            and link.charge_id = dispute.payment_id

),

-- One stream of all that happens; each moment has the id of what it is in the column of its kind.
moments as (

    select
        provider,
        merchant_id,
        payer,
        currency,
        told_ms,
        is_live,
        payment_id as begun_id,
        cast(null as varchar) as failed_id,
        cast(null as varchar) as received_id,
        cast(null as varchar) as disputed_id,
        cast(null as bigint) as received_minor
    from begun
    union all
    select begun.provider, begun.merchant_id, begun.payer, begun.currency, firsts.failed_ms, begun.is_live,
        null, begun.payment_id, null, null, null
    from begun
    inner join firsts
        on firsts.provider = begun.provider
            and firsts.payment_id = begun.payment_id
    where firsts.failed_ms is not null
    union all
    select begun.provider, begun.merchant_id, begun.payer, begun.currency, firsts.received_ms, begun.is_live,
        null, null, begun.payment_id, null, firsts.received_minor
    from begun
    inner join firsts
        on firsts.provider = begun.provider
            and firsts.payment_id = begun.payment_id
    where firsts.received_ms is not null
    union all
    select begun.provider, begun.merchant_id, begun.payer, begun.currency, disputed.told_ms, begun.is_live,
        null, null, null, disputed.dispute_id, null
    from begun
    inner join disputed
        on disputed.provider = begun.provider
            and disputed.payment_id = begun.payment_id

),

counted as (

    select
        provider,
        begun_id as payment_id,
        {%- for hours in (1, 24, 720) %}
        count(begun_id) over ({{ earlier('payer', hours) }}) as customer_payments_{{ hours }}h,
        {%- endfor %}
        count(begun_id) over ({{ earlier('payer') }}) as customer_payments_before,
        count(failed_id) over ({{ earlier('payer', 720) }}) as customer_failures_720h,
        count(failed_id) over ({{ earlier('payer') }}) as customer_failures_before,
        count(received_id) over ({{ earlier('payer') }}) as customer_receipts_before,
        count(disputed_id) over ({{ earlier('payer') }}) as customer_disputes_before,
        max(if(begun_id is not null, told_ms)) over ({{ earlier('payer') }}) as customer_last_ms,
        min(if(begun_id is not null, told_ms)) over ({{ earlier('payer') }}) as customer_first_ms,
        sum(received_minor) over ({{ earlier('payer, currency') }}) as customer_received_minor,
        count(received_minor) over ({{ earlier('payer, currency') }}) as customer_received_count,
        {%- for hours in (24, 720) %}
        count(begun_id) over ({{ earlier('merchant_id', hours) }}) as merchant_payments_{{ hours }}h,
        {%- endfor %}
        count(failed_id) over ({{ earlier('merchant_id', 720) }}) as merchant_failures_720h,
        count(received_id) over ({{ earlier('merchant_id', 720) }}) as merchant_receipts_720h,
        count(disputed_id) over ({{ earlier('merchant_id', 2160) }}) as merchant_disputes_2160h
    from moments
    where is_live

)

select
    begun.provider,
    begun.payment_id,
    begun.merchant_id,
    begun.customer_id,
    begun.as_of,
    begun.currency,
    begun.amount_minor,
    begun.payment_method_type,
    begun.card_brand,
    begun.invoice_id is not null as is_of_invoice,
    hour(begun.as_of at time zone 'UTC') as hour_of_day,
    day_of_week(begun.as_of at time zone 'UTC') as day_of_week,
    merchant.status as merchant_status,
    {%- for name in ('payments_1h', 'payments_24h', 'payments_720h', 'payments_before', 'failures_720h', 'failures_before', 'receipts_before', 'disputes_before') %}
    if(begun.customer_id is not null, counted.customer_{{ name }}) as customer_{{ name }},
    {%- endfor %}
    if(begun.customer_id is not null, (begun.told_ms - counted.customer_last_ms) / 1000) as customer_seconds_since_last,
    if(begun.customer_id is not null, (begun.told_ms - counted.customer_first_ms) / 1000) as customer_seconds_known,
    if(begun.customer_id is not null, counted.customer_received_minor) as customer_received_minor,
    if(
        begun.customer_id is not null,
        cast(
            cast(begun.amount_minor as decimal(19, 6)) * counted.customer_received_count
            / nullif(counted.customer_received_minor, 0)
            as decimal(28, 6)
        )
    ) as amount_over_customer_mean,
    counted.merchant_payments_24h,
    counted.merchant_payments_720h,
    counted.merchant_failures_720h,
    counted.merchant_receipts_720h,
    counted.merchant_disputes_2160h,
    {{ rate('counted.merchant_failures_720h', '(counted.merchant_failures_720h + counted.merchant_receipts_720h)') }} as merchant_failure_rate_720h
from begun
inner join counted
    on counted.provider = begun.provider
        and counted.payment_id = begun.payment_id
left join {{ ref('merchants') }} as merchant
    on merchant.merchant_id = begun.merchant_id
        and merchant.valid_from <= begun.as_of
        and (merchant.valid_to is null or merchant.valid_to > begun.as_of)
where begun.is_live
