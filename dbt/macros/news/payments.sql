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
    {%- set touched = scratch(build, 'touched', payments_that_have(build.target, names)) -%}
    {%- set found = look_at_touched(names, touched) -%}
    {%- if found.other_names -%}
        {%- do run_query("insert into " ~ touched ~ payments_that_have(build.target, other_names(names, touched), touched)) -%}
        {%- set found = look_at_touched(names, touched) -%}
    {%- endif -%}
    {% set versions %}
    select *
    from {{ history }}
    where {{ on_days('event_date', found.days) }}
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
  The payments that have some names, those apart that are touched already. Asked twice: those that share a name with the
  news, and those that share one with them. Where events disagree on which payment is behind an attempt, that decides what
  is whose; mostly nobody has another name.
#}
{% macro payments_that_have(payments, names, touched=none) %}
    select distinct payment.provider, payment.payment_id, payment.event_date, payment.event_days, payment.part_keys
    from {{ payments }} as payment
    cross join unnest(payment.part_keys) as each (part_key)
    where each.part_key in (select part_key from {{ names }})
    {%- if touched is not none %}
        and (payment.provider, payment.payment_id) not in (select provider, payment_id from {{ touched }})
    {%- endif %}
{%- endmacro %}

{# The names that touched payments have, and the news has not. #}
{% macro other_names(names, touched) -%}
    (
        select each.part_key
        from {{ touched }}
        cross join unnest(part_keys) as each (part_key)
        where each.part_key not in (select part_key from {{ names }})
    )
{%- endmacro %}

{# On which `days` of history the events of the news and of touched payments are, and how many `other_names` these have. #}
{% macro look_at_touched(names, touched) -%}
    {% set statement %}
    select
        json_format(cast(array_agg(distinct cast(day as varchar)) as json)),
        (select count(*) from {{ other_names(names, touched) }})
    from (
        select event_date as day from {{ names }}
        union
        select day from {{ touched }} cross join unnest(event_days) as each (day)
    )
    {% endset %}
    {%- set row = run_query(statement).rows[0] -%}
    {{ return({'days': fromjson(row[0] or '[]') or [], 'other_names': row[1] | int}) }}
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
