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
    {%- set folded = scratch(build, 'folded', with_rows(build, versions | string)) -%}
    {%- set days = texts_of("select event_date as day from " ~ folded ~ " union select event_date from " ~ touched) -%}
    {%- do merge_rows(build, 'select * from ' ~ folded, days) -%}
    {%- do drop_payments_that_are_no_more(build, folded, touched, days) -%}
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
  Removes what was a payment by itself until an event named the payment behind it. After the merge, since a build that
  fails between the two is repeated.
#}
{% macro drop_payments_that_are_no_more(build, folded, touched, days) -%}
    {% set gone %}
    select provider, payment_id
    from {{ touched }}
    where (provider, payment_id) not in (select provider, payment_id from {{ folded }})
    {% endset %}
    {%- if run_query("select count(*) from (" ~ gone ~ ")").rows[0][0] | int -%}
        {% set statement %}
        delete from {{ build.target }}
        where {{ on_days('event_date', days) }}
            and (provider, payment_id) in ({{ gone }})
            and (select value from {{ metadata_of(build.target, 'properties') }} where key = 'news.run') = '{{ invocation_id }}'
        {% endset %}
        {%- do run_query(statement) -%}
        {%- do require_own_run(build) -%}
    {%- endif -%}
{%- endmacro %}

{# The different days that a query for `day` gives, as texts. #}
{% macro texts_of(query) -%}
    {%- set row = run_query(
        "select json_format(cast(array_agg(distinct cast(day as varchar)) as json)) from (" ~ query ~ ")"
    ).rows[0] -%}
    {{ return(fromjson(row[0] or '[]') or []) }}
{%- endmacro %}
