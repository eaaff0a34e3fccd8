-- Failures of payments, each with what was advised, when it was tried again and what that brought. An attempt is numbered in
-- hindsight, so the number does not depend on when an event came. Rebuilt whole: a late event may change what came next.
{{ config(
    materialized='table',
    tags=['daily'],
    on_table_exists='replace',
    properties={'partitioning': "ARRAY['month(failed_date)']"},
) }}

with history as (

    {{ rooted_history(ref('payment_history')) }}

),

-- At most providers each attempt is a payment of its own, and only their order tells that they are of one.
orders as (

    select
        provider,
        coalesce(provider_object_id, event_id) as payment_id,
        min({{ payments_sources.order_of('provider', 'metadata') }}) as order_id
    from {{ ref('payments_cleaned') }}
    where event_family in ({{ payments_sources.families_as('payment') }})
    group by 1, 2

),

-- What is owed: an invoice or an order with all its payments, or a payment by itself.
claims as (

    select
        payment.provider,
        payment.payment_id,
        coalesce(
            'invoice ' || payment.invoice_id, 'order ' || orders.order_id, 'payment ' || payment.payment_id
        ) as claim_id,
        payment.merchant_id,
        payment.customer_id,
        payment.livemode,
        payment.currency,
        payment.currency_exponent,
        payment.captured_minor,
        payment.status = 'canceled' as is_canceled
    from {{ ref('payments') }} as payment
    left join orders
        on orders.provider = payment.provider
            and orders.payment_id = payment.payment_id
    where payment.is_told

),

told as (

    select
        provider,
        root_id as payment_id,
        event_id,
        object_family in ({{ payments_sources.families_as('attempt') }}) as is_charge,
        object_id,
        status,
        amount_minor,
        currency,
        payment_method_type,
        card_brand,
        failure_category,
        failure_code,
        attempt_number,
        charge_id,
        object_version is not null or object_updated_at is not null as is_versioned,
        coalesce(object_updated_at, provider_created_at) as changed_at,
        bool_or(status = 'failed' and object_family in ({{ payments_sources.families_as('payment') }}))
            over (partition by provider, root_id) as payment_tells_failures
    from history
    where object_family in ({{ payments_sources.families_as('payment') }}, {{ payments_sources.families_as('attempt') }})

),

-- A failure may be told by the payment, by its charge, or by both; and again with each change of a payment whose versions
-- are told. Each is one attempt.
failures as (

    select
        told.*,
        row_number() over (
            partition by
                provider,
                payment_id,
                case
                    when is_charge then object_id
                    when is_versioned then coalesce(cast(attempt_number as varchar), '')
                    else coalesce(charge_id, event_id)
                end
            order by changed_at, event_id
        ) as telling
    from told
    where status = 'failed' and (not is_charge or not payment_tells_failures)

),

moments as (

    select
        claim.provider,
        claim.claim_id,
        claim.currency,
        claim.payment_id,
        failure.event_id,
        failure.changed_at as happened_at,
        false as is_receipt
    from failures as failure
    inner join claims as claim
        on claim.provider = failure.provider
            and claim.payment_id = failure.payment_id
    where failure.telling = 1
    union all
    select
        claim.provider,
        claim.claim_id,
        claim.currency,
        claim.payment_id,
        receipt.event_id,
        receipt.changed_at,
        true
    from told as receipt
    inner join claims as claim
        on claim.provider = receipt.provider
            and claim.payment_id = receipt.payment_id
    where receipt.status in ('succeeded', 'partially_refunded', 'refunded')

),

-- A payment that brought its money is told again with each change of it, such as its fee or a refund: it brings money
-- again only where it failed in between.
changes as (

    select
        moments.*,
        lag(is_receipt) over (
            partition by provider, payment_id order by happened_at, is_receipt, event_id
        ) as was_received
    from moments

),

-- Of one instant a failure comes first: providers tell whole seconds, and what was received was not tried again.
followed as (

    select
        changes.*,
        lead(happened_at) over (
            partition by provider, claim_id, currency order by happened_at, is_receipt, event_id
        ) as next_at,
        lead(is_receipt) over (
            partition by provider, claim_id, currency order by happened_at, is_receipt, event_id
        ) as next_is_receipt,
        lead(payment_id) over (
            partition by provider, claim_id, currency order by happened_at, is_receipt, event_id
        ) as next_payment_id
    from changes
    where not (is_receipt and coalesce(was_received, false))

),

attempts as (

    select
        followed.*,
        row_number() over (partition by provider, claim_id, currency order by happened_at, event_id) as place,
        row_number() over (partition by provider, claim_id, currency order by happened_at desc, event_id desc) as place_from_end,
        -- Money that came back and came again is credited once, to what brought it in the end.
        row_number() over (
            partition by provider, next_payment_id, currency, next_is_receipt order by happened_at desc, event_id desc
        ) as receipt_from_end
    from followed
    where not is_receipt

),

described as (

    select
        attempt.*,
        failure.amount_minor,
        failure.payment_method_type,
        failure.card_brand,
        coalesce(failure.failure_category, 'unknown') as failure_category,
        failure.failure_code,
        greatest(attempt.place, coalesce(failure.attempt_number, 0)) as number,
        claim.merchant_id,
        claim.customer_id,
        claim.livemode,
        claim.currency_exponent,
        claim.is_canceled,
        coalesce(event.retry_action, if(event.retry_advised, 'retry', 'none')) as advised_action,
        event.retry_advised,
        if(event.retry_advised, event.retry_delay_seconds) as advised_delay_seconds,
        event.retry_strategy_source,
        if(attempt.next_is_receipt and attempt.receipt_from_end = 1 and paid.captured_minor > 0, paid.captured_minor) as recovered_minor
    from attempts as attempt
    inner join failures as failure
        on failure.event_id = attempt.event_id
    inner join {{ ref('payments_cleaned') }} as event
        on event.event_id = attempt.event_id
    inner join claims as claim
        on claim.provider = attempt.provider
            and claim.payment_id = attempt.payment_id
    left join claims as paid
        on paid.provider = attempt.provider
            and paid.payment_id = attempt.next_payment_id

),

-- By our newest event, and by no clock: the same events make the same rows whenever they are built.
as_of as (

    select max(processed_at) as known_until
    from {{ ref('payment_history') }}

)

select
    described.event_id,
    described.provider,
    described.payment_id,
    described.claim_id,
    described.merchant_id,
    described.customer_id,
    described.livemode,
    described.currency,
    described.currency_exponent,
    described.payment_method_type,
    described.card_brand,
    described.amount_minor,
    {{ major_units('described.amount_minor', 'described.currency_exponent') }} as amount_major,
    described.failure_category,
    described.failure_code,
    described.number as attempt,
    described.happened_at as failed_at,
    cast(described.happened_at at time zone 'UTC' as date) as failed_date,
    described.advised_action,
    described.retry_advised,
    described.advised_delay_seconds,
    described.retry_strategy_source as advice_source,
    described.next_at as tried_at,
    case
        when described.next_at is null then 'not_tried'
        when not described.next_is_receipt then 'failed'
        when described.recovered_minor is not null then 'recovered'
        else 'came_back'
    end as tried_outcome,
    to_unixtime(described.next_at) - to_unixtime(described.happened_at) as tried_after_seconds,
    coalesce(described.recovered_minor, 0) as recovered_minor,
    {{ major_units('coalesce(described.recovered_minor, 0)', 'described.currency_exponent') }} as recovered_major,
    described.place_from_end = 1 as is_last,
    case
        when described.recovered_minor is not null then 'recovered'
        when described.next_at is null and not described.is_canceled
            and described.happened_at >= as_of.known_until - interval '{{ open_days() }}' day then 'open'
        when described.place_from_end > 1 then 'tried_again'
        else 'lost'
    end as state
from described
cross join as_of
