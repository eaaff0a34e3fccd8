-- What a provider's test or sandbox environment told, apart from money. A test clock may tell of a future day, which is
-- no day of any report: such payments are in Silver alone until that day.
{{ config(materialized='table', on_table_exists='replace') }}

{{ payment_metrics("not livemode and event_date <= cast(received_at at time zone 'UTC' as date) + interval '1' day") }}
