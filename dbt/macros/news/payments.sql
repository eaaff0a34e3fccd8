{#
  Folds all versions of the payments that history has news of, and merges them. Returns why the table has to be built anew,
  or nothing.

  Which payments those are, their names tell: each row keeps the numbers of all names that its events have for it and its
  parts, so those that share one with the news are the ones, also where the news makes one payment of two. On which days
  of history their events are, each row keeps too.
#}
{% macro merge_news_of_payments(build) -%}
    {%- set files = files_beyond(build.followed, build.marks['news.sequence'] | int, most=4000) -%}
    {%- if not files.files -%}
        {{ return('') }}
    {%- elif not files.is_all -%}
        {{ return('more files have news than a statement can name') }}
    {%- endif -%}
    {%- do begin_run(build) -%}
    {%- set history = build.followed.relation -%}
    {%- set names = scratch(build, 'names', names_of_news(history, files)) -%}
    {%- set touched = scratch(build, 'touched', touched_payments(build.target, names)) -%}
    {%- set days = texts_of(
        "select event_date as day from " ~ names ~ " union select day from " ~ touched ~ " cross join unnest(event_days) as each (day)"
    ) -%}
    {% set versions %}
    select *
    from {{ history }}
    where {{ on_days('event_date', days) }}
        and payment_key in (
            select part_key from {{ names }}
            union
            select part_key from {{ touched }} cross join unnest(part_keys) as each (part_key)
        )
    {% endset %}
    {%- set versions = scratch(build, 'versions', versions) -%}
    {%- set days = texts_of(
        "select cast(" ~ began_at() ~ " at time zone 'UTC' as date) as day from " ~ versions ~ " union select event_date from " ~ touched
    ) -%}
    {#- There are none where all rows of the new files have been merged over since. -#}
    {%- if days -%}
        {%- do merge_rows(build, folded_or_gone(build, with_rows(build, versions | string), touched), days, is_gone='is_gone') -%}
    {%- endif -%}
    {%- do end_run(build, files) -%}
    {%- do build.update({'say': 'payments of ' ~ files.news_rows ~ ' versions folded'}) -%}
    {{ return('') }}
{%- endmacro %}

{# The numbers of all names in the news, each with a day of it. #}
{% macro names_of_news(history, files) -%}
    select distinct part_key, event_date
    from {{ rows_of_files(history, files.files) }}
    cross join unnest(array[
        payment_key, {{ hashed_name('provider', 'object_id') }}, {{ hashed_name('provider', 'charge_id') }}
    ]) as each (part_key)
    where part_key is not null
{%- endmacro %}

{#
  The payments that share a name with the news, and those that share one with them: where events disagree on which payment
  is behind an attempt, that decides what is whose.
#}
{% macro touched_payments(payments, names) -%}
    with named as (

        select payment.part_keys
        from {{ payments }} as payment
        cross join unnest(payment.part_keys) as each (part_key)
        where each.part_key in (select part_key from {{ names }})

    ),

    known_names as (

        select part_key from {{ names }}
        union
        select each.part_key from named cross join unnest(named.part_keys) as each (part_key)

    )

    select distinct payment.provider, payment.payment_id, payment.event_date, payment.event_days, payment.part_keys
    from {{ payments }} as payment
    cross join unnest(payment.part_keys) as each (part_key)
    where each.part_key in (select part_key from known_names)
{%- endmacro %}

{#
  When an object began, by one of its events; the least of a payment's is when it began, which is its day in the table. So on
  the days of all its events by this a payment is found, and on no other.
#}
{% macro began_at() -%}
    least(provider_created_at, coalesce(object_created_at, provider_created_at))
{%- endmacro %}

{# The payments as they are folded, and those that were payments by themselves until an event named the payment behind them. #}
{% macro folded_or_gone(build, folded, touched) -%}
    select
        {%- for column in build.columns %}
        {% if column in config.get('unique_key') -%}
        coalesce(folded.{{ column }}, touched.{{ column }}) as {{ column }}
        {%- else -%}
        folded.{{ column }}
        {%- endif %},
        {%- endfor %}
        folded.payment_id is null as is_gone
    from ({{ folded }}) as folded
    full join {{ touched }} as touched
        on touched.provider = folded.provider
            and touched.payment_id = folded.payment_id
{%- endmacro %}

{# The different days that a query for `day` gives, as texts. #}
{% macro texts_of(query) -%}
    {%- set row = run_query(
        "select json_format(cast(array_agg(distinct cast(day as varchar)) as json)) from (" ~ query ~ ")"
    ).rows[0] -%}
    {{ return(fromjson(row[0] or '[]') or []) }}
{%- endmacro %}
