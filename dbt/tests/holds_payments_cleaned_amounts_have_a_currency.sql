-- What has no amount says that it has no currency. Here, since codegen writes what describes the model.
{{ config(meta={'dagster': {'ref': {'name': 'payments_cleaned', 'package_name': 'payments'}}}) }}

{{ test_holds(
    get_where_subquery(ref('payments_cleaned')), "amount_major is not null or (currency = 'XXX' and amount_minor = 0)"
) }}
