{#
  Merges what Bronze has gained into one row per event. Returns why the table has to be built anew, or nothing.

  The books: a row of the table says how many rows of Bronze it stands for, so their sum is what Bronze has. Where the rows
  in new files are as many as Bronze has gained, that is so without asking. Else (files were compacted, rows deleted) the
  sum is asked for.
#}
{% macro merge_news_of_events(build) -%}
    {%- set state = namespace(
        sequence=build.marks['news.sequence'] | int, rows=build.marks['news.rows'] | int, is_sure=true, goes_on=true, why='',
        merged=0, tries=0
    ) -%}
    {#- Each round reads as many files as a statement can name; one is enough but after an outage. -#}
    {%- for round in range(1000) -%}{%- if state.goes_on -%}
        {%- set files = files_beyond(build.followed, state.sequence) -%}
        {%- if files.sequence < state.sequence -%}
            {{ return("its commits are not those that were read: " ~ build.followed.relation ~ " is another table") }}
        {%- endif -%}
        {%- set found = {'rows': 0} -%}
        {%- if files.files -%}
            {%- if round == 0 -%}{%- do begin_run(build) -%}{%- endif -%}
            {%- set rows = rows_of_files(build.followed.relation, files.files) -%}
            {%- set news = scratch(build, 'news', payments_sources['staged__' ~ build.read.identifier](rows)) -%}
            {%- set found = look_for_known_events(build, news) -%}
        {%- endif -%}
        {%- if found.rows < files.news_rows and not files.deleted_rows -%}
            {#- Files were compacted between the list and the query: they are listed again. -#}
            {%- set state.tries = state.tries + 1 -%}
            {%- if state.tries == 5 -%}
                {{ exceptions.raise_compiler_error(
                    "The files of " ~ build.followed.relation ~ " are replaced faster than they can be read: run this again."
                ) }}
            {%- endif -%}
        {%- else -%}
            {%- if files.files -%}
                {%- do merge_rows(build, changed_events(build, news, found), found.days) -%}
            {%- endif -%}
            {%- set gained = files.rows - state.rows -%}
            {%- set state.is_sure = state.is_sure and files.news_rows == gained and found.rows == gained -%}
            {%- set state.goes_on = not files.is_all -%}
            {%- if files.is_all and not state.is_sure -%}
                {%- set state.why = difference_of_events(build, files) -%}
            {%- endif -%}
            {%- if not state.why and (files.files or gained) -%}
                {%- do end_run(build, files) -%}
            {%- endif -%}
            {%- set state.sequence = files.sequence -%}
            {%- set state.rows = files.rows -%}
            {%- set state.merged = state.merged + found.rows -%}
        {%- endif -%}
    {%- endif -%}{%- endfor -%}
    {%- set days = env_var('DBT_DAYS', '') -%}
    {%- if days and not state.why -%}
        {%- do merge_days_again(build, days.split(',')) -%}
    {%- endif -%}
    {%- do build.update({'say': state.merged ~ ' rows of Bronze looked at'}) -%}
    {{ return(state.why) }}
{%- endmacro %}

{#
  Merges all events of some days again, as Bronze has them now, whether or not there is news of them: a row that was damaged
  is what it has to be. Days are of the events, as in `event_date`. What follows the table finds the rows in new files.
#}
{% macro merge_days_again(build, days) -%}
    {%- do begin_run(build) -%}
    {%- set staged = payments_sources['staged__' ~ build.read.identifier](build.followed.relation) -%}
    {%- set on_these = on_days("cast(provider_created_at at time zone 'UTC' as date)", days) -%}
    {%- set ids = 'select event_id from (' ~ staged ~ ') where ' ~ on_these -%}
    {%- set rows = scratch(build, 'again', 'select * from (' ~ staged ~ ') where event_id in (' ~ ids ~ ')') -%}
    {%- set found = look_for_known_events(build, rows) -%}
    {%- if found.rows -%}
        {%- do merge_rows(build, with_rows(build, rows | string), found.days) -%}
        {%- do set_marks(build.target, {'news.days': days_as_mark(build.days)}) -%}
    {%- endif -%}
{%- endmacro %}

{#
  What the table knows of the events of some rows of Bronze: `rows` read, `known` events, the `days` on which the events
  are or were, and the days of `processing` and `spans` of days on which rows of the known ones may be in Bronze.

  By numbers of ids, the one column that is read of all events: reading ids costs most. Of two that share a number the
  other only counts as known, which is looked into then.
#}
{% macro look_for_known_events(build, news) -%}
    {% set statement %}
    select
        count(*),
        count(known.event_key),
        {{ texts_in("cast(news.provider_created_at at time zone 'UTC' as date)") }}
    from {{ build.target }} as known
    right join {{ news }} as news
        on known.event_key = {{ hashed('news.event_id') }}
    {% endset %}
    {%- set row = run_query(statement).rows[0] -%}
    {%- set found = {
        'rows': row[0] | int, 'known': row[1] | int, 'days': fromjson(row[2] or '[]') or [], 'processing': [], 'spans': []
    } -%}
    {%- if found.known -%}
        {% set statement %}
        select
            {{ texts_in('known.event_date') }},
            {{ texts_in("cast(news.processed_at at time zone 'UTC' as date)") }},
            {{ texts_in(
                "cast(known.bronze_from at time zone 'UTC' as date)", "cast(known.bronze_to at time zone 'UTC' as date)"
            ) }}
        from {{ build.target }} as known
        inner join {{ news }} as news
            on known.event_key = {{ hashed('news.event_id') }}
        {% endset %}
        {%- set row = run_query(statement).rows[0] -%}
        {%- do found.days.extend(fromjson(row[0] or '[]')) -%}
        {%- do found.update({'processing': fromjson(row[1] or '[]'), 'spans': fromjson(row[2] or '[]')}) -%}
    {%- endif -%}
    {{ return(found) }}
{%- endmacro %}

{# The different texts of some values as JSON; of several, they are joined by a slash. #}
{% macro texts_in() -%}
    json_format(cast(map_keys(histogram(
        {%- for value in varargs %}cast({{ value }} as varchar){{ " || '/' || " if not loop.last }}{% endfor -%}
    )) as json))
{%- endmacro %}

{#
  The query for the events that have news. Of events that are not known all rows are in the new files. Of those that are,
  all of Bronze on their days is counted again, and they are left out where they have no row more.
#}
{% macro changed_events(build, news, found) -%}
    {%- if not found.known -%}
        {{ return(with_rows(build, news | string)) }}
    {%- endif -%}
    {% set rows %}(
        {{ payments_sources['staged__' ~ build.read.identifier](build.followed.relation) }}
        where event_id in (select event_id from {{ news }})
            and ({{ on_spans('processed_at', found.processing, found.spans) }})
        union all
        select *
        from {{ news }}
        where not ({{ on_spans('processed_at', found.processing, found.spans) }})
    ){% endset %}
    {%- set rows = scratch(build, 'rows', 'select * from ' ~ rows) -%}
    {% set query %}
    select changed.*
    from ({{ with_rows(build, rows | string) }}) as changed
    left join (
        select event_id, bronze_rows
        from {{ build.target }}
        where {{ on_days('event_date', found.days) }}
    ) as known
        on known.event_id = changed.event_id
    where known.bronze_rows is distinct from changed.bronze_rows
    {% endset %}
    {{ return(query) }}
{%- endmacro %}

{# Whether a time is on one of some days or within one of some spans of days, which stand as `first/last`. #}
{% macro on_spans(column, days, spans) -%}
    {%- set spans = (spans + days) | unique | sort -%}
    {%- if spans | length > 200 -%}
        {%- set ends = spans | join('/') -%}
        {%- set ends = ends.split('/') | sort -%}
        {%- set spans = [ends[0] ~ '/' ~ ends[-1]] -%}
    {%- endif -%}
    {%- for span in spans -%}
        {%- set ends = span.split('/') -%}
        ({{ column }} >= timestamp '{{ ends[0] }} 00:00:00 UTC' and {{ column }} < date_add('day', 1, timestamp '{{ ends[-1] }} 00:00:00 UTC'))
        {{- ' or ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{# The model's query with other rows in the place of what it reads. #}
{% macro with_rows(build, rows) -%}
    {%- set read = build.read | string -%}
    {%- if read not in build.sql -%}
        {{ exceptions.raise_compiler_error(model.name ~ " does not read " ~ read ~ ", which it depends on first") }}
    {%- endif -%}
    {{ return(build.sql.replace(read, rows)) }}
{%- endmacro %}

{# Why Bronze and the table do not agree on the number of rows; nothing where they do. #}
{% macro difference_of_events(build, files) -%}
    {%- set counted = run_query("select coalesce(sum(bronze_rows), 0) from " ~ build.target).rows[0][0] | int -%}
    {%- if counted == files.rows -%}
        {{ return('') }}
    {%- endif -%}
    {{ return("it stands for " ~ counted ~ " rows of " ~ build.followed.relation ~ ", which has " ~ files.rows) }}
{%- endmacro %}
