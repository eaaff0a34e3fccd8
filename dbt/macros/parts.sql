{#
  The tellings of objects that take money of a payment, from a history with roots, in the order of their versions: each
  with when it changed, the state before it, and what it tells a dispute to have withdrawn.
#}
{% macro versions_of_parts(history, families) -%}
    {%- set telling -%}
        partition by provider, object_family, object_id
        order by
            {{ payments_sources.version_order() }},
            status_rank asc nulls first,
            event_rank asc nulls first,
            event_id asc
    {%- endset -%}
    select
        told.*,
        coalesce(object_updated_at, provider_created_at) as changed_at,
        {{ withdrawn() }} as taken_minor,
        row_number() over ({{ telling }}) as version,
        lag(status) over ({{ telling }}) as status_before
    from {{ history }} as told
    where object_family in ({{ families | join(', ') }})
{%- endmacro %}

{#
  When an object came to the state that it is in. What is told of it afterwards leaves it there; a state that was taken
  back and came again did so when it came again.
#}
{% macro came_at() -%}
    max_by(changed_at, version) filter (where status is distinct from status_before)
{%- endmacro %}

{# Of what was taken in another currency it is only known that it was: the amount disputed stands for it. #}
{% macro withdrawn() -%}
case
    when coalesce(withdrawn_currency, currency) = currency then withdrawn_minor
    when withdrawn_minor > 0 then amount_minor
    when withdrawn_minor <= 0 then 0
end
{%- endmacro %}

{# What a dispute has taken by now, less what came back, from its tellings with `version` and `taken_minor`. #}
{% macro dispute_taken() -%}
greatest(
    case max_by(status, version)
        -- What came back is told by an event of its own, and may be a part.
        when 'won' then coalesce(
            max_by(taken_minor, version) filter (
                where taken_minor is not null and event_type = 'dispute.funds_reinstated'
            ),
            0
        )
        when 'lost' then coalesce(
            max_by(taken_minor, version) filter (where taken_minor is not null and status = 'lost'),
            nullif(max_by(taken_minor, version) filter (where taken_minor is not null), 0),
            -- A question that was not answered in time is lost, and has taken nothing.
            case max_by(dispute_stage, version) filter (where dispute_stage is not null)
                when 'inquiry' then 0
                else max_by(amount_minor, version)
            end
        )
        when 'closed' then coalesce(max_by(taken_minor, version) filter (where taken_minor is not null), 0)
        else coalesce(
            max_by(taken_minor, version) filter (where taken_minor is not null),
            -- Events of earlier contracts, and some providers, do not tell how much.
            max_by(case event_type when 'dispute.funds_withdrawn' then amount_minor else 0 end, version) filter (
                where event_type in ('dispute.funds_withdrawn', 'dispute.funds_reinstated')
            ),
            0
        )
    end,
    0
)
{%- endmacro %}
