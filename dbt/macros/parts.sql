{#
  The tellings of objects that take money of a payment, from a history with roots, in the order of their versions: each with when
  it changed, and the state before it.
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
        row_number() over ({{ telling }}) as version,
        lag(status) over ({{ telling }}) as status_before
    from {{ history }} as told
    where object_family in ({{ families | join(', ') }})
{%- endmacro %}

{#
  When an object came to the state that it is in. What is told of it afterwards leaves it there; a state that was taken back and
  came again did so when it came again.
#}
{% macro came_at() -%}
    max_by(changed_at, version) filter (where status is distinct from status_before)
{%- endmacro %}
