-- Refunds, disputes and reversals whose payment was never told: their money is in the sums, in rows that count as no payment. One that
-- came first waits here for its payment, so this warns.
{{ config(severity='warn', tags=['whole'], meta={'dagster': {'ref': {'name': 'payments', 'package_name': 'payments'}}}) }}

select provider, payment_id, refund_count, dispute_count, reversal_count
from {{ ref('payments') }}
where not is_told
