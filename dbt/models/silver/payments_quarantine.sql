-- Both dead letters, each record once, without bodies and headers: why it was quarantined, whether it can come back, and what
-- became of its event. The states are those of `payments quarantine`.
{{ config(
    materialized='table',
    tags=['daily'],
    on_table_exists='replace',
    properties={'partitioning': "ARRAY['month(quarantine_date)']"},
) }}

-- A record that was archived twice is one.
with letters as (

    select
        kafka_topic,
        kafka_partition,
        kafka_offset,
        event_id,
        source,
        stage,
        provider,
        provider_event_id,
        provider_event_type,
        merchant_id,
        reason_codes,
        reasons,
        received_at,
        coalesce(failed_at, received_at) as quarantined_at,
        schema_version,
        count(*) over (partition by event_id) as letter_count,
        row_number() over (
            partition by event_id
            order by coalesce(failed_at, received_at) desc, kafka_topic desc, kafka_partition desc, kafka_offset desc
        ) as place_from_end
    from (
        select
            archived.*,
            row_number() over (partition by kafka_topic, kafka_partition, kafka_offset order by received_at) as copy
        from {{ source('bronze', 'quarantine') }} as archived
    ) as archived
    where copy = 1

),

actions as (

    select
        event_id,
        max_by(outcome, row(acted_at, action_id)) as outcome,
        max(acted_at) as acted_at,
        max(acted_at) filter (where outcome in ('sent', 'restarted')) as redriven_at
    from {{ source('bronze', 'recovery_actions') }}
    -- What was left alone is no deed.
    where outcome not in ('still_fails', 'not_found')
    group by event_id

)

select
    letter.kafka_topic,
    letter.kafka_partition,
    letter.kafka_offset,
    letter.event_id,
    letter.source,
    letter.stage,
    letter.provider,
    letter.provider_event_id,
    letter.provider_event_type,
    letter.merchant_id,
    coalesce(element_at(letter.reason_codes, 1), 'none') as reason_code,
    letter.reason_codes,
    letter.reasons,
    {{ payments_sources.recoverability('letter.reason_codes') }} as recoverability,
    letter.received_at,
    letter.quarantined_at,
    cast(letter.quarantined_at at time zone 'UTC' as date) as quarantine_date,
    letter.schema_version,
    letter.letter_count,
    letter.place_from_end = 1 as is_newest,
    case
        when event.event_id is not null then 'passed'
        when action.outcome = 'closed' then 'closed'
        when action.outcome in ('sent', 'restarted') and action.acted_at > letter.quarantined_at then 'redriven'
        else 'open'
    end as state,
    action.redriven_at is not null as is_redriven,
    action.redriven_at,
    coalesce(action.outcome = 'closed', false) as is_closed,
    if(action.outcome = 'closed', action.acted_at) as closed_at
from letters as letter
left join actions as action
    on action.event_id = letter.event_id
left join {{ ref('payments_cleaned') }} as event
    on event.event_id = letter.event_id
