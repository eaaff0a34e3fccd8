-- How well each merchant's live payments of a month go, from 0 to 100, with the words why. Counts alone: rates of all currencies may be
-- put together, their amounts may not.
{{ config(materialized='table', on_table_exists='replace') }}

{#
  What a score is made of: the input, its weight, the rate that earns no points, and that from which on it earns all 100. Between the two
  points grow in a line. The reasons are in docs/decisions/0050-scores-and-features.md.
#}
{% set inputs = [
    {'name': 'success_rate', 'weight': 35, 'worst': '0.60', 'best': '0.95'},
    {'name': 'dispute_rate', 'weight': 30, 'worst': '0.01', 'best': '0.00'},
    {'name': 'high_risk_rate', 'weight': 15, 'worst': '0.10', 'best': '0.00'},
    {'name': 'refund_rate', 'weight': 10, 'worst': '0.20', 'best': '0.02'},
    {'name': 'recovery_rate', 'weight': 10, 'worst': '0.00', 'best': '0.50'},
] %}

with counted as (

    select
        cast(date_trunc('month', event_date) as date) as score_month,
        merchant_id,
        count_if(is_told) as payment_count,
        count_if(status in ('succeeded', 'partially_refunded', 'refunded')) as succeeded_count,
        count_if(status = 'failed') as failed_count,
        sum(dispute_count) as dispute_count,
        count_if(is_told and refunded_minor > 0) as refunded_count,
        count_if(fraud_score_source <> 'not_scored') as scored_count,
        count_if(fraud_risk_level = 'high') as high_risk_count
    from {{ ref('payments') }}
    where livemode
    group by 1, 2

),

recovered as (

    select
        cast(date_trunc('month', failed_date) as date) as score_month,
        merchant_id,
        count_if(state = 'recovered') as recovered_count,
        count_if(state = 'lost') as lost_count
    from {{ ref('failed_attempts') }}
    where livemode and is_last
    group by 1, 2

),

rated as (

    select
        counted.*,
        coalesce(recovered.recovered_count, 0) as recovered_count,
        coalesce(recovered.lost_count, 0) as lost_count,
        {{ rate('counted.succeeded_count', '(counted.succeeded_count + counted.failed_count)') }} as success_rate,
        -- Disputes alone are no lack of figures: over one payment at least, they earn no points.
        {{
            rate('counted.dispute_count', 'greatest(counted.succeeded_count, if(counted.dispute_count > 0, 1, 0))')
        }} as dispute_rate,
        {{ rate('counted.high_risk_count', 'counted.scored_count') }} as high_risk_rate,
        {{ rate('counted.refunded_count', 'counted.succeeded_count') }} as refund_rate,
        {{ rate('recovered.recovered_count', '(recovered.recovered_count + recovered.lost_count)') }} as recovery_rate
    from counted
    left join recovered
        on recovered.score_month = counted.score_month
            and recovered.merchant_id = counted.merchant_id

),

pointed as (

    select
        rated.*
        {%- for input in inputs %},
        {{ health_points(input.name, input.worst, input.best) }} as {{ input.name }}_points
        {%- endfor %}
    from rated

),

-- An input that a merchant has no figures for has no weight: the others share it.
scored as (

    select
        pointed.*,
        cast(
            (
                {%- for input in inputs %}
                coalesce({{ input.name }}_points * {{ input.weight }}, 0){{ ' +' if not loop.last }}
                {%- endfor %}
            )
            / nullif(
                {%- for input in inputs %}
                if({{ input.name }} is null, 0, {{ input.weight }}){{ ' +' if not loop.last }}
                {%- endfor %}
                , 0
            )
            as decimal(5, 2)
        ) as score
    from pointed

),

standing as (

    select
        scored.score_month,
        scored.merchant_id,
        max_by(merchant.status, merchant.version) as merchant_status
    from scored
    inner join {{ ref('merchants') }} as merchant
        on merchant.merchant_id = scored.merchant_id
            and cast(merchant.valid_from at time zone 'UTC' as date) < scored.score_month + interval '1' month
    group by 1, 2

)

select
    scored.score_month,
    scored.merchant_id,
    standing.merchant_status,
    scored.payment_count,
    scored.succeeded_count,
    scored.failed_count,
    scored.dispute_count,
    scored.refunded_count,
    scored.scored_count,
    scored.high_risk_count,
    scored.recovered_count,
    scored.lost_count,
    {%- for input in inputs %}
    scored.{{ input.name }},
    scored.{{ input.name }}_points,
    {%- endfor %}
    scored.score,
    case
        when scored.score is null then 'unknown'
        when scored.score >= 80 then 'healthy'
        when scored.score >= 60 then 'watch'
        else 'at_risk'
    end as band,
    array_join(
        array[
            {%- for input in inputs %}
            '{{ input.name }} ' || cast(scored.{{ input.name }} as varchar)
            || ' (0 points at {{ input.worst }}, 100 at {{ input.best }}): '
            || cast(scored.{{ input.name }}_points as varchar) || ' x {{ input.weight }}'{{ ',' if not loop.last }}
            {%- endfor %}
        ],
        '; '
    ) as explanation
from scored
left join standing
    on standing.score_month = scored.score_month
        and standing.merchant_id = scored.merchant_id
