{#
  Which payment is behind an attempt, as the events of the attempt say it, of the payment, and of what was given back or
  disputed of it: provider, charge_id, payment_id. Where they disagree, which no provider does, one is taken that does
  not depend on arrival.
#}
{% macro attempts_of_payments(history) -%}
    select provider, charge_id, min(payment_id) as payment_id
    from (
        select provider, object_id as charge_id, payment_id
        from {{ history }}
        where object_family in ({{ payments_sources.families_as('attempt') }})
        union all
        select provider, charge_id, payment_id
        from {{ history }}
        where object_family not in ({{ payments_sources.families_as('attempt') }})
            and charge_id is not null
    ) as named
    where charge_id <> payment_id
    group by provider, charge_id
{%- endmacro %}

{#
  History with root_id, the payment that each event is about in the end: a refund, dispute or reversal may name the attempt only,
  and belongs to the payment behind that; one of which no event names anything is by itself.
#}
{% macro rooted_history(history) -%}
    select
        named.*,
        case
            when named.object_family in (
                {{ payments_sources.families_as('refund') }}, {{ payments_sources.families_as('dispute') }},
                {{ payments_sources.families_as('reversal') }}
            )
                then coalesce(
                    -- One event of an object may say less than another.
                    max(coalesce(attempt.payment_id, named.payment_id))
                        over (partition by named.provider, named.object_family, named.object_id),
                    named.object_id
                )
            else coalesce(attempt.payment_id, named.payment_id)
        end as root_id
    from {{ history }} as named
    left join ({{ attempts_of_payments(history) }}) as attempt
        on attempt.provider = named.provider
            and attempt.charge_id = named.payment_id
{%- endmacro %}
