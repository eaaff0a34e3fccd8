{#
  What was taken back of payments (refunds, disputes, reversals, and the fees for them), from a history with roots:
  provider, payment_id, taken_at, taken_minor. Of each payment they are in sum what silver.payments has as refunded,
  dispute_lost and reversed, with the fees of its parts.
#}
{% macro taken_back(history) -%}
with parts_told as (

    {{ versions_of_parts(history, [
        payments_sources.families_as('refund'),
        payments_sources.families_as('dispute'),
        payments_sources.families_as('reversal')
    ]) }}

),

parts as (

    select
        provider,
        root_id as payment_id,
        object_family in ({{ payments_sources.families_as('refund') }}) as is_refund,
        max_by(currency, version) as currency,
        case
            when object_family in ({{ payments_sources.families_as('dispute') }}) then {{ dispute_taken() }}
            when max_by(status, version) = 'succeeded' then max_by(amount_minor, version)
            else 0
        end as amount_minor,
        coalesce(max_by(fee_minor, version) filter (where fee_minor is not null), 0) as fee_minor,
        max_by(fee_currency, version) filter (where fee_minor is not null) as fee_currency,
        max_by(status, version) as status,
        -- Money that a dispute is about is withdrawn while it is open, and is not taken again as it is lost.
        coalesce(
            min(changed_at) filter (where taken_minor > 0 or event_type = 'dispute.funds_withdrawn'), {{ came_at() }}
        ) as taken_at,
        {{ came_at() }} as came_at
    from parts_told
    group by provider, root_id, object_family, object_id

),

-- Of another currency nothing is added, as in payments.
taken_by_parts as (

    select
        part.provider,
        part.payment_id,
        part.is_refund,
        if(part.currency = payment.currency, part.amount_minor, 0) as amount_minor,
        if(coalesce(part.fee_currency, part.currency) = payment.currency, part.fee_minor, 0) as fee_minor,
        part.taken_at,
        case
            when part.status = 'won' then part.came_at
            when part.amount_minor > 0 then part.taken_at
        end as settled_at
    from parts as part
    inner join {{ ref('payments') }} as payment
        on payment.provider = part.provider
            and payment.payment_id = part.payment_id

),

explained as (

    select
        provider,
        payment_id,
        is_refund,
        sum(amount_minor) as amount_minor,
        max(settled_at) as settled_at
    from taken_by_parts
    group by provider, payment_id, is_refund

),

-- A payment tells what was given back of it with each later change again: it was on the day on which so much was first
-- told.
given_back as (

    select
        provider,
        payment_id,
        min(changed_at) as told_at
    from (
        select
            provider,
            root_id as payment_id,
            coalesce(object_updated_at, provider_created_at) as changed_at,
            coalesce(refunded_minor, if(status = 'refunded', amount_minor)) as refunded_minor,
            max(coalesce(refunded_minor, if(status = 'refunded', amount_minor)))
                over (partition by provider, root_id) as most_minor
        from {{ history }}
        where object_family in ({{ payments_sources.families_as('payment') }}, {{ payments_sources.families_as('attempt') }})
    ) as told
    where refunded_minor = most_minor
    group by provider, payment_id

),

-- What payments count and the parts do not explain: a refund that is told by its payment alone, or more than could be
-- given back; a reversal that a dispute tells, too, or that came back as one was won.
unexplained as (

    select
        counted.provider,
        counted.payment_id,
        counted.amount_minor - coalesce(explained.amount_minor, 0) as amount_minor,
        coalesce(
            if(counted.is_refund and counted.amount_minor > coalesce(explained.amount_minor, 0), given_back.told_at),
            explained.settled_at,
            counted.updated_at
        ) as taken_at
    from (
        select
            payment.provider,
            payment.payment_id,
            payment.updated_at,
            kind.is_refund,
            if(kind.is_refund, payment.refunded_minor, payment.dispute_lost_minor + payment.reversed_minor) as amount_minor
        from {{ ref('payments') }} as payment
        cross join (values true, false) as kind (is_refund)
    ) as counted
    left join explained
        on explained.provider = counted.provider
            and explained.payment_id = counted.payment_id
            and explained.is_refund = counted.is_refund
    left join given_back
        on given_back.provider = counted.provider
            and given_back.payment_id = counted.payment_id

)

select provider, payment_id, taken_at, amount_minor + fee_minor as taken_minor
from taken_by_parts
union all
select provider, payment_id, taken_at, amount_minor
from unexplained
{%- endmacro %}
