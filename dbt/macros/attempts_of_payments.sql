{#
  Which payment is behind an attempt, as the attempt's events and the payment's own say it: provider, charge_id,
  payment_id. Where they disagree, which no provider does, one is taken that does not depend on arrival.
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
        where object_family in ({{ payments_sources.families_as('payment') }})
            and charge_id is not null
    ) as named
    where charge_id <> payment_id
    group by provider, charge_id
{%- endmacro %}

{#
  Removes what was a payment by itself until an event named the payment behind it: a merge by key adds and changes rows,
  and removes none.
#}
{% macro drop_attempts_of_payments() -%}
    {%- if is_incremental() -%}
    delete from {{ this }}
    where exists (
        select 1
        from ({{ attempts_of_payments(ref('payment_history')) }}) as attempt
        where attempt.provider = {{ this }}.provider
            and attempt.charge_id = {{ this }}.payment_id
    )
    {%- endif -%}
{%- endmacro %}
