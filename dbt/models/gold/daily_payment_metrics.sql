-- Payments, each once, on the day on which it began: refunds, charges and disputes are folded into it. Rebuilt whole, so a
-- change that arrives days late counts on that day; replaced in one commit, so a reader never finds it missing.
{{ config(materialized='table', on_table_exists='replace') }}

{{ payment_metrics('livemode') }}
