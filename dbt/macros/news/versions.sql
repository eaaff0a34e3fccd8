{#
  Merges the events that have news into history, each of which is one row. Returns why the table has to be built anew, or
  nothing: a version that is of another object than it was, as after a corrected mapping, belongs to another payment now,
  and what it leaves behind is not looked for.
#}
{% macro merge_news_of_versions(build) -%}
    {%- set files = files_beyond(build.followed, build.marks['news.sequence'] | int, most=4000) -%}
    {%- if not files.files -%}
        {{ return('') }}
    {%- elif not files.is_all -%}
        {{ return('more files have news than a statement can name') }}
    {%- endif -%}
    {%- do begin_run(build) -%}
    {%- set news = scratch(build, 'news', 'select * from ' ~ rows_of_files(build.followed.relation, files.files)) -%}
    {%- set told = with_rows(build, news | string) -%}
    {#- Where each row of the new files is one more than there was, none of them is known: history is not looked through. -#}
    {%- if files.rows - build.marks['news.rows'] | int == files.news_rows -%}
        {%- set days = texts_of("select event_date as day from (" ~ told ~ ")") -%}
        {%- if days -%}
            {%- do merge_rows(build, told, days) -%}
        {%- endif -%}
    {%- else -%}
        {%- set why = merge_known_versions(build, news, told) -%}
        {%- if why -%}
            {{ return(why) }}
        {%- endif -%}
    {%- endif -%}
    {%- do end_run(build, files) -%}
    {%- do build.update({'say': files.news_rows ~ ' events looked at'}) -%}
    {{ return('') }}
{%- endmacro %}

{# Merges news of which some may be known. Returns why the table has to be built anew, or nothing. #}
{% macro merge_known_versions(build, news, told) -%}
    {% set statement %}
    select
        count(told.event_id),
        count(known.event_id),
        count_if(known.event_id is not null and (
            told.event_id is null
            or (told.object_family, told.object_id, told.payment_id, told.charge_id)
                is distinct from (known.object_family, known.object_id, known.payment_id, known.charge_id)
        )),
        json_format(cast(map_keys(histogram(cast(told.event_date as varchar))) as json)),
        json_format(cast(map_keys(histogram(cast(known.event_date as varchar))) as json))
    from {{ build.target }} as known
    right join {{ news }} as news
        on known.event_key = news.event_key
            and known.event_id = news.event_id
    left join ({{ told }}) as told
        on told.event_id = news.event_id
    {% endset %}
    {%- set row = run_query(statement).rows[0] -%}
    {%- if row[2] | int -%}
        {{ return((row[2] | int) ~ " events are of other objects than they were") }}
    {%- endif -%}
    {%- set days = (fromjson(row[3] or '[]') or []) + (fromjson(row[4] or '[]') or []) -%}
    {%- if row[1] | int -%}
        {% set changed %}
        select told.*
        from ({{ told }}) as told
        left join (
            select event_id, bronze_rows
            from {{ build.target }}
            where {{ on_days('event_date', days) }}
        ) as known
            on known.event_id = told.event_id
        where {{ 'true' if env_var('DBT_DAYS', '') else 'known.bronze_rows is distinct from told.bronze_rows' }}
        {% endset %}
        {%- do merge_rows(build, changed, days) -%}
    {%- elif row[0] | int -%}
        {%- do merge_rows(build, told, days) -%}
    {%- endif -%}
    {{ return('') }}
{%- endmacro %}
