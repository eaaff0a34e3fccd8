-- A score is a probability, and only a payout may take money back. Here, since codegen writes what describes the model.
{{ config(meta={'dagster': {'ref': {'name': 'payments_cleaned', 'package_name': 'payments'}}}) }}

{{ test_holds(
    get_where_subquery(ref('payments_cleaned')), "fraud_score between 0 and 1 and (amount_minor >= 0 or event_family = 'payout')"
) }}
