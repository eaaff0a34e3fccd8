-- Written in full: a build puts all versions of the payments that have news in the place of payment_history, and merges the
-- result (see macros/news).
{{
    config(
        materialized='news',
        news='payments',
        unique_key=['provider', 'payment_id'],
        properties={'partitioning': "ARRAY['month(event_date)']"},
    )
}}

with keyed as (

    {{ rooted_history(ref('payment_history')) }}

),

-- Where a payment is found again: by any name that it or a part of it has, and on the days of its events.
places as (

    select
        provider,
        root_id,
        array_sort(array_agg(distinct event_date)) as event_days,
        array_sort(
            array_distinct(
                array_agg(distinct payment_key)
                || array_agg(distinct object_key)
                || coalesce(array_agg(distinct charge_key) filter (where charge_key is not null), array[])
            )
        ) as part_keys
    from (
        select
            keyed.*,
            {{ hashed_name('provider', 'object_id') }} as object_key,
            {{ hashed_name('provider', 'charge_id') }} as charge_key
        from keyed
    ) as named
    group by provider, root_id

),

-- By the contract of families, never by arrival. What grows in an object's life decides where all else is alike, and in
-- the end the id: so the order is total.
versions as (

    select
        keyed.*,
        keyed.status in ('succeeded', 'partially_refunded', 'refunded') as is_received,
        keyed.fraud_score_source <> 'not_scored' as is_scored,
        coalesce(keyed.object_updated_at, keyed.provider_created_at) as changed_at,
        {{ withdrawn() }} as taken_minor,
        row_number() over (
            partition by keyed.provider, keyed.object_family, keyed.object_id, keyed.root_id
            order by
                {{ payments_sources.version_order() }},
                status_rank asc nulls first,
                event_rank asc nulls first,
                refunded_minor asc nulls first,
                captured_minor asc nulls first,
                event_id asc
        ) as version
    from keyed

),

-- The state of an object is its latest version's. What a version says nothing of stays as it was last told: not every
-- event carries every amount.
objects as (

    select
        provider,
        root_id,
        object_family,
        object_id,
        max_by(merchant_id, version) as merchant_id,
        max_by(customer_id, version) filter (where customer_id is not null) as customer_id,
        max_by(livemode, version) filter (where livemode is not null) as livemode,
        max_by(currency, version) as currency,
        max_by(currency_exponent, version) as currency_exponent,
        max_by(status, version) as status,
        max_by(status_rank, version) as status_rank,
        max_by(is_received, version) as is_received,
        max_by(amount_minor, version) as amount_minor,
        max_by(amount_minor, version) filter (where not is_received) as asked_minor,
        max_by(authorized_minor, version) filter (where authorized_minor is not null) as authorized_minor,
        case
            -- What was told to be received was not, in the end.
            when max_by(status, version) in ('failed', 'canceled') then 0
            else coalesce(
                -- Events of earlier contracts do not tell it: what succeeded was received.
                max_by(coalesce(captured_minor, amount_minor), version) filter (
                    where captured_minor is not null or is_received
                ),
                0
            )
        end as captured_minor,
        max_by(refunded_minor, version) filter (where refunded_minor is not null) as refunded_minor,
        max(changed_at) filter (
            where refunded_minor is not null or status in ('partially_refunded', 'refunded')
        ) as refund_told_at,
        min(changed_at) filter (
            where status in ('failed', 'canceled')
        ) as failed_at,
        max(changed_at) filter (where is_received) as received_told_at,
        max_by(tip_minor, version) filter (where tip_minor is not null) as tip_minor,
        max_by(fee_minor, version) filter (where fee_minor is not null) as fee_minor,
        max_by(fee_currency, version) filter (where fee_minor is not null) as fee_currency,
        max_by(application_fee_minor, version) filter (where application_fee_minor is not null)
            as application_fee_minor,
        max_by(payment_method_type, version) filter (where payment_method_type is not null) as payment_method_type,
        max_by(card_brand, version) filter (where card_brand is not null) as card_brand,
        max_by(failure_category, version) as failure_category,
        max_by(failure_code, version) as failure_code,
        max(attempt_number) as attempt_number,
        -- A provider that numbers or dates versions makes another payment for another attempt.
        count(distinct case
            when status = 'failed'
                then coalesce(
                    charge_id,
                    if(
                        object_version is null and object_updated_at is null,
                        cast(provider_created_at as varchar),
                        object_id
                    )
                )
        end) as failed_attempts,
        max_by(charge_id, version) filter (where charge_id is not null) as charge_id,
        max_by(invoice_id, version) filter (where invoice_id is not null) as invoice_id,
        max_by(subscription_id, version) filter (where subscription_id is not null) as subscription_id,
        max_by(dispute_stage, version) filter (where dispute_stage is not null) as dispute_stage,
        max_by(reversed_minor, version) as reversed_minor,
        {{ dispute_taken() }} as lost_minor,
        max_by(fraud_score, version) filter (where is_scored) as fraud_score,
        max_by(fraud_risk_level, version) filter (where is_scored) as fraud_risk_level,
        max_by(fraud_score_source, version) filter (where is_scored) as fraud_score_source,
        coalesce(
            max_by(breaks_rules, version) filter (where is_scored),
            max_by(breaks_rules, version)
        ) as breaks_rules,
        max_by(retry_advised, version) as retry_advised,
        min({{ began_at() }}) as created_at,
        max(changed_at) as updated_at,
        min(coalesce(received_at, processed_at)) as received_at,
        count(*) as event_count,
        sum(bronze_rows) as bronze_rows
    from versions
    group by provider, root_id, object_family, object_id

),

-- The payment itself leads, where it has been told; else its attempts do: one that brought money, else the latest.
leading as (

    select
        objects.*,
        object_family in ({{ payments_sources.families_as('payment') }}) as is_payment,
        -- An authorization that was let go says `refunded` too, and no more can be given back than was received.
        least(
            coalesce(refunded_minor, case when status = 'refunded' then captured_minor end),
            coalesce(captured_minor, 0)
        ) as given_back_minor,
        row_number() over (
            partition by provider, root_id
            order by
                object_family in ({{ payments_sources.families_as('payment') }}) asc,
                is_received asc,
                updated_at asc,
                status_rank asc nulls first,
                object_id asc
        ) as standing
    from objects
    where object_family in (
        {{ payments_sources.families_as('payment') }}, {{ payments_sources.families_as('attempt') }}
    )

),

bodies as (

    select
        leading.*,
        max_by(currency, standing) over (partition by provider, root_id) as payment_currency,
        max_by(currency, standing) over (partition by provider, root_id) = currency as is_same_currency,
        max(case when is_payment then received_told_at end) over (partition by provider, root_id)
            as payment_received_at,
        max(case when is_payment then charge_id end) over (partition by provider, root_id) as payment_charge_id
    from leading

),

-- A debit may fail after its payment had succeeded, and the payment does not tell so: by the time of both, the attempt
-- has the last word. Another attempt, that had failed before, says nothing of it.
judged as (

    select
        bodies.*,
        coalesce(
            not is_payment
            and status = 'failed'
            and failed_at > payment_received_at
            and (received_told_at is not null or object_id = coalesce(payment_charge_id, object_id)),
            false
        ) as is_returned
    from bodies

),

told as (

    select
        provider,
        root_id,
        max_by(merchant_id, standing) as merchant_id,
        max_by(customer_id, standing) filter (where customer_id is not null) as customer_id,
        coalesce(max_by(livemode, standing) filter (where livemode is not null), true) as livemode,
        max(payment_currency) as currency,
        max_by(currency_exponent, standing) as currency_exponent,
        max_by(status, standing) as status,
        max_by(is_received, standing) as is_received,
        coalesce(bool_or(is_received) filter (where not is_payment), false) as has_received_attempt,
        bool_or(is_returned) as is_returned,
        max_by(payment_method_type, standing) filter (where payment_method_type is not null) as payment_method_type,
        max_by(card_brand, standing) filter (where card_brand is not null) as card_brand,
        if(
            bool_or(is_returned),
            max_by(failure_category, standing) filter (where is_returned),
            max_by(failure_category, standing)
        ) as failure_category,
        if(
            bool_or(is_returned),
            max_by(failure_code, standing) filter (where is_returned),
            max_by(failure_code, standing)
        ) as failure_code,
        greatest(
            coalesce(max(attempt_number), 0),
            count_if(not is_payment),
            coalesce(sum(failed_attempts) filter (where is_payment), 0)
        ) as attempts_told,
        coalesce(sum(failed_attempts) filter (where is_payment), 0) as failed_attempts,
        max_by(coalesce(asked_minor, authorized_minor, amount_minor), standing) as asked_minor,
        coalesce(
            max(authorized_minor) filter (where is_payment and is_same_currency),
            max(authorized_minor) filter (where not is_payment and is_same_currency),
            max_by(amount_minor, standing) filter (where status = 'authorized' and is_same_currency)
        ) as authorized_minor,
        greatest(
            if(bool_or(is_returned), 0, coalesce(sum(captured_minor) filter (where is_payment and is_same_currency), 0)),
            coalesce(sum(captured_minor) filter (where not is_payment and is_same_currency), 0)
        ) as captured_minor,
        greatest(
            coalesce(sum(given_back_minor) filter (where is_payment and is_same_currency), 0),
            coalesce(sum(given_back_minor) filter (where not is_payment and is_same_currency), 0)
        ) as given_back_minor,
        max(refund_told_at) as refund_told_at,
        -- Nobody has a part of what nobody received.
        coalesce(
            if(bool_or(is_returned), null, sum(tip_minor) filter (where is_payment and is_received and is_same_currency)),
            sum(tip_minor) filter (where not is_payment and is_received and is_same_currency),
            0
        ) as tip_minor,
        coalesce(
            sum(fee_minor) filter (where is_payment and coalesce(fee_currency, currency) = payment_currency),
            sum(fee_minor) filter (where not is_payment and coalesce(fee_currency, currency) = payment_currency),
            0
        ) as fee_minor,
        count_if(fee_minor is not null and coalesce(fee_currency, currency) <> payment_currency) as fees_left_out,
        coalesce(
            if(
                bool_or(is_returned),
                null,
                sum(application_fee_minor) filter (where is_payment and is_received and is_same_currency)
            ),
            sum(application_fee_minor) filter (where not is_payment and is_received and is_same_currency),
            0
        ) as application_fee_minor,
        count_if(is_received and not is_same_currency) as other_currency_count,
        max_by(invoice_id, standing) filter (where invoice_id is not null) as invoice_id,
        max_by(subscription_id, standing) filter (where subscription_id is not null) as subscription_id,
        max_by(fraud_score, standing) filter (where fraud_score is not null) as fraud_score,
        max_by(fraud_risk_level, standing) filter (where fraud_score is not null) as fraud_risk_level,
        max_by(fraud_score_source, standing) filter (where fraud_score is not null) as fraud_score_source,
        max_by(breaks_rules, standing) as breaks_rules,
        max_by(retry_advised, standing) as retry_advised,
        min(created_at) as created_at,
        max(updated_at) as updated_at,
        min(received_at) as received_at,
        count_if(not is_payment) as charge_count,
        sum(event_count) as event_count,
        sum(bronze_rows) as bronze_rows
    from judged
    group by provider, root_id

),

-- Refunds, disputes and reversals of payments that were never told, such as those from before we listened, or that belong to none:
-- what they took is in the sums of a row of its own, which counts as no payment.
untold as (

    select
        part.*,
        row_number() over (
            partition by part.provider, part.root_id
            order by part.updated_at asc, part.object_family asc, part.object_id asc
        ) as standing
    from objects as part
    left join told
        on told.provider = part.provider
            and told.root_id = part.root_id
    where part.object_family in (
        {{ payments_sources.families_as('refund') }}, {{ payments_sources.families_as('dispute') }},
        {{ payments_sources.families_as('reversal') }}
    )
        and told.root_id is null

),

money as (

    select
        told.*,
        true as is_told
    from told
    union all
    select
        provider,
        root_id,
        max_by(merchant_id, standing) as merchant_id,
        max_by(customer_id, standing) filter (where customer_id is not null) as customer_id,
        coalesce(max_by(livemode, standing) filter (where livemode is not null), true) as livemode,
        max_by(currency, standing) as currency,
        max_by(currency_exponent, standing) as currency_exponent,
        'unknown' as status,
        false as is_received,
        false as has_received_attempt,
        false as is_returned,
        cast(null as varchar) as payment_method_type,
        cast(null as varchar) as card_brand,
        cast(null as varchar) as failure_category,
        cast(null as varchar) as failure_code,
        0 as attempts_told,
        0 as failed_attempts,
        0 as asked_minor,
        cast(null as bigint) as authorized_minor,
        0 as captured_minor,
        0 as given_back_minor,
        cast(null as timestamp(6) with time zone) as refund_told_at,
        0 as tip_minor,
        0 as fee_minor,
        0 as fees_left_out,
        0 as application_fee_minor,
        0 as other_currency_count,
        cast(null as varchar) as invoice_id,
        cast(null as varchar) as subscription_id,
        cast(null as double) as fraud_score,
        cast(null as varchar) as fraud_risk_level,
        cast(null as varchar) as fraud_score_source,
        max_by(breaks_rules, standing) as breaks_rules,
        false as retry_advised,
        min(created_at) as created_at,
        max(updated_at) as updated_at,
        min(received_at) as received_at,
        0 as charge_count,
        0 as event_count,
        0 as bronze_rows,
        false as is_told
    from untold
    group by provider, root_id

),

-- What refunds, disputes and reversals take from a payment. Money of another currency is never added, but counted.
taken as (

    select
        part.provider,
        part.root_id,
        count_if(part.object_family in ({{ payments_sources.families_as('refund') }})) as refund_count,
        count_if(part.object_family in ({{ payments_sources.families_as('dispute') }})) as dispute_count,
        count_if(part.object_family in ({{ payments_sources.families_as('reversal') }})) as reversal_count,
        count_if(part.currency <> money.currency) as other_currency_count,
        count_if(coalesce(part.fee_currency, part.currency) <> money.currency) filter (
            where part.fee_minor is not null
        ) as fees_left_out,
        sum(part.amount_minor) filter (
            where part.object_family in ({{ payments_sources.families_as('refund') }})
                and part.status = 'succeeded'
                and part.currency = money.currency
        ) as refunded_minor,
        -- Of these the payment or charge knew when it last told what was given back.
        sum(part.amount_minor) filter (
            where part.object_family in ({{ payments_sources.families_as('refund') }})
                and part.status = 'succeeded'
                and part.currency = money.currency
                and part.updated_at <= money.refund_told_at
        ) as covered_minor,
        -- A refund that failed after the payment or charge had counted it is not given back.
        sum(part.amount_minor) filter (
            where part.object_family in ({{ payments_sources.families_as('refund') }})
                and part.status in ('failed', 'canceled')
                and part.currency = money.currency
                and part.failed_at > money.refund_told_at
        ) as bounced_minor,
        -- An inquiry asks for no money, and one that was closed has moved none.
        sum(part.amount_minor) filter (
            where part.object_family in ({{ payments_sources.families_as('dispute') }})
                and (part.lost_minor > 0 or (part.status <> 'closed' and coalesce(part.dispute_stage, '') <> 'inquiry'))
                and part.currency = money.currency
        ) as disputed_minor,
        sum(part.lost_minor) filter (
            where part.object_family in ({{ payments_sources.families_as('dispute') }})
                and part.currency = money.currency
        ) as dispute_lost_minor,
        sum(part.reversed_minor) filter (
            where part.status = 'succeeded'
                and part.currency = money.currency
        ) as taken_back_minor,
        bool_or(part.object_family in ({{ payments_sources.families_as('dispute') }}) and part.status = 'won') as is_won,
        sum(part.fee_minor) filter (where coalesce(part.fee_currency, part.currency) = money.currency) as fee_minor,
        max(part.updated_at) as updated_at,
        sum(part.event_count) as event_count,
        sum(part.bronze_rows) as bronze_rows
    from objects as part
    inner join money
        on money.provider = part.provider
            and money.root_id = part.root_id
    where part.object_family in (
        {{ payments_sources.families_as('refund') }}, {{ payments_sources.families_as('dispute') }},
        {{ payments_sources.families_as('reversal') }}
    )
    group by part.provider, part.root_id

),

folded as (

    select
        money.*,
        case
            when money.is_returned and not money.has_received_attempt then 'failed'
            when money.is_received then money.status
            -- An attempt brought money, and the payment has not told so yet.
            when money.has_received_attempt then 'succeeded'
            else money.status
        end as own_status,
        -- No more is given back than was received, where that is known. That the part of an authorization which was not captured was let go
        -- may be told as a refund: the payment or charge does not count that one as given back.
        least(
            if(money.is_told, money.captured_minor, coalesce(taken.refunded_minor, 0)),
            greatest(
                coalesce(taken.refunded_minor, 0)
                - case
                    when money.authorized_minor > money.captured_minor
                        and taken.covered_minor - money.given_back_minor
                        = money.authorized_minor - money.captured_minor
                        then money.authorized_minor - money.captured_minor
                    else 0
                end,
                money.given_back_minor - coalesce(taken.bounced_minor, 0)
            )
        ) as refunded_minor,
        coalesce(taken.disputed_minor, 0) as disputed_minor,
        coalesce(taken.dispute_lost_minor, 0) as dispute_lost_minor,
        -- A dispute tells the money of the reversal that it is the cause of, and neither names the other: the greater of both
        -- is what was taken. Where one was won the money is the merchant's again, which no event of a reversal tells.
        if(
            coalesce(taken.is_won, false),
            0,
            greatest(coalesce(taken.taken_back_minor, 0) - coalesce(taken.dispute_lost_minor, 0), 0)
        ) as reversed_minor,
        money.fee_minor + coalesce(taken.fee_minor, 0) as all_fees_minor,
        money.fees_left_out + coalesce(taken.fees_left_out, 0) as all_fees_left_out,
        money.other_currency_count + coalesce(taken.other_currency_count, 0) as all_in_other_currency,
        coalesce(taken.refund_count, 0) as refund_count,
        coalesce(taken.dispute_count, 0) as dispute_count,
        coalesce(taken.reversal_count, 0) as reversal_count,
        greatest(money.updated_at, coalesce(taken.updated_at, money.updated_at)) as changed_at,
        money.event_count + coalesce(taken.event_count, 0) as all_events,
        money.bronze_rows + coalesce(taken.bronze_rows, 0) as all_bronze_rows
    from money
    left join taken
        on taken.provider = money.provider
            and taken.root_id = money.root_id

),

stated as (

    select
        folded.*,
        case
            when own_status not in ('succeeded', 'partially_refunded', 'refunded') then own_status
            when refunded_minor > 0 and refunded_minor >= captured_minor then 'refunded'
            when refunded_minor > 0 then 'partially_refunded'
            -- What was told to be given back came back, or was told without an amount.
            when refund_count > 0 or captured_minor = 0 then 'succeeded'
            else own_status
        end as payment_status,
        captured_minor - refunded_minor - dispute_lost_minor - reversed_minor - all_fees_minor as net_minor
    from folded

)

select
    stated.provider,
    stated.root_id as payment_id,
    merchant_id,
    customer_id,
    livemode,
    currency,
    currency_exponent,
    payment_status as status,
    payment_method_type,
    card_brand,
    case when payment_status in ('failed', 'canceled') then failure_category end as failure_category,
    case when payment_status in ('failed', 'canceled') then failure_code end as failure_code,
    greatest(
        attempts_told,
        failed_attempts
        + case
            when payment_status in ('processing', 'authorized', 'succeeded', 'partially_refunded', 'refunded') then 1
            else 0
        end
    ) as attempts,
    asked_minor,
    {{ major_units('asked_minor', 'currency_exponent') }} as asked_major,
    authorized_minor,
    {{ major_units('authorized_minor', 'currency_exponent') }} as authorized_major,
    captured_minor,
    {{ major_units('captured_minor', 'currency_exponent') }} as captured_major,
    refunded_minor,
    {{ major_units('refunded_minor', 'currency_exponent') }} as refunded_major,
    disputed_minor,
    {{ major_units('disputed_minor', 'currency_exponent') }} as disputed_major,
    dispute_lost_minor,
    {{ major_units('dispute_lost_minor', 'currency_exponent') }} as dispute_lost_major,
    tip_minor,
    {{ major_units('tip_minor', 'currency_exponent') }} as tip_major,
    all_fees_minor as fee_minor,
    {{ major_units('all_fees_minor', 'currency_exponent') }} as fee_major,
    application_fee_minor,
    {{ major_units('application_fee_minor', 'currency_exponent') }} as application_fee_major,
    net_minor,
    {{ major_units('net_minor', 'currency_exponent') }} as net_major,
    all_fees_left_out as fees_left_out,
    all_in_other_currency as other_currency_count,
    invoice_id,
    subscription_id,
    coalesce(fraud_score, 0.0) as fraud_score,
    coalesce(fraud_risk_level, 'low') as fraud_risk_level,
    coalesce(fraud_score_source, 'not_scored') as fraud_score_source,
    breaks_rules,
    payment_status = 'failed' and retry_advised as retry_advised,
    created_at,
    changed_at as updated_at,
    received_at,
    cast(created_at at time zone 'UTC' as date) as event_date,
    charge_count,
    refund_count,
    dispute_count,
    all_events as event_count,
    all_bronze_rows as bronze_rows,
    is_told,
    places.event_days,
    places.part_keys,
    reversed_minor,
    {{ major_units('reversed_minor', 'currency_exponent') }} as reversed_major,
    reversal_count
from stated
inner join places
    on places.provider = stated.provider
        and places.root_id = stated.root_id
