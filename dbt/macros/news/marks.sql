{# What a table's properties say of how it was built: names without `news.` are others'. #}
{% macro marks_of(relation) -%}
    {%- set marks = {} -%}
    {%- for row in run_query("select key, value from " ~ metadata_of(relation, 'properties') ~ " where key like 'news.%'") -%}
        {%- do marks.update({row[0]: row[1] | string}) -%}
    {%- endfor -%}
    {{ return(marks) }}
{%- endmacro %}

{#
  What there is to know before a build, in one statement, since each costs more than what it asks for: `scratch`, the
  tables that builds which were killed have left behind; of a table that is there its `columns`, `marks` and `snapshot`,
  and the `generation` of what it follows.
#}
{% macro look_at(target, followed, is_there) -%}
    {% set statement %}
    select 'scratch' as what, table_name as name, cast(null as varchar) as value
    from {{ target.information_schema() }}.tables
    where table_schema = '{{ target.schema }}'
        and substr(table_name, 1, {{ target.identifier | length + 2 }}) = '{{ target.identifier }}__'
    {%- if is_there %}
    union all
    select 'columns', column_name, null
    from {{ target.information_schema() }}.columns
    where table_schema = '{{ target.schema }}'
        and table_name = '{{ target.identifier }}'
    union all
    select 'marks', key, value
    from {{ metadata_of(target, 'properties') }}
    where key like 'news.%'
    union all
    select 'snapshot', name, cast(snapshot_id as varchar)
    from {{ metadata_of(target, 'refs') }}
    where name = 'main'
    {%- endif %}
    {%- if is_there and followed.is_built %}
    union all
    select 'generation', key, value
    from {{ metadata_of(followed.relation, 'properties') }}
    where key = 'news.generation'
    {%- endif %}
    {% endset %}
    {%- set found = {'scratch': [], 'columns': [], 'marks': {}, 'snapshot': 'null'} -%}
    {%- for row in run_query(statement) -%}
        {%- if row[0] in ('scratch', 'columns') -%}
            {%- do found[row[0]].append(row[1]) -%}
        {%- elif row[0] == 'marks' -%}
            {%- do found.marks.update({row[1]: row[2] | string}) -%}
        {%- elif row[0] == 'snapshot' -%}
            {%- do found.update({'snapshot': row[2] | string}) -%}
        {%- else -%}
            {%- do followed.update({'generation': row[2] | string}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{# Sets properties of a table; those not named stay as they are. #}
{% macro set_marks(relation, marks) -%}
    {%- do run_query("alter table " ~ relation ~ " set properties extra_properties = " ~ as_map(marks)) -%}
{%- endmacro %}

{# How far a table has been read, by its files as they were listed. #}
{% macro marks_at(files, followed) -%}
    {{ return({
        'news.sequence': files.sequence | string,
        'news.rows': files.rows | string,
        'news.followed': generation_of(followed),
    }) }}
{%- endmacro %}

{# The days on which rows were merged, as a property: too many to name are all. #}
{% macro days_as_mark(days) -%}
    {%- set days = days | unique | sort -%}
    {{ return(days | join(',') if days | length <= 400 else 'all') }}
{%- endmacro %}

{#
  Which building of a table this is: of a table that nobody builds anew always the same. Asked once, before its files are
  listed: of a table that is built anew meanwhile the older building is noted, and so it is seen the next time.
#}
{% macro generation_of(followed) -%}
    {%- if 'generation' not in followed -%}
        {%- do followed.update({
            'generation': marks_of(followed.relation).get('news.generation', 'none') if followed.is_built else 'only appended to'
        }) -%}
    {%- endif -%}
    {{ return(followed.generation) }}
{%- endmacro %}

{#
  Has a build begin with its table: who began before and is still at it merges nothing any more. Its rows were read before
  ours, and would hide them.
#}
{% macro begin_run(build) -%}
    {%- do set_marks(build.target, {'news.run': invocation_id}) -%}
    {%- do drop_left_behind(build) -%}
{%- endmacro %}

{# Removes what builds that were killed have left behind; of one that is still at it what it needs no more. #}
{% macro drop_left_behind(build) -%}
    {%- for name in build.left_behind -%}
        {%- do run_query("drop table if exists " ~ build.target.incorporate(path={'identifier': name})) -%}
    {%- endfor -%}
    {%- do build.left_behind.clear() -%}
{%- endmacro %}

{# Notes how far the table has been read, after the merge. #}
{% macro end_run(build, files) -%}
    {%- do set_marks(build.target, combine(marks_at(files, build.followed), {'news.days': days_as_mark(build.days)})) -%}
{%- endmacro %}

{% macro require_own_run(build, is_merged) -%}
    {%- set run = marks_of(build.target).get('news.run') -%}
    {%- if run != invocation_id -%}
        {{ exceptions.raise_compiler_error(
            "Another build of " ~ build.target ~ " began meanwhile (" ~ run ~ "), and this one has left the table to it."
            ~ " Wait for that one, then run this again if it failed."
        ) }}
    {%- elif not is_merged -%}
        {{ exceptions.raise_compiler_error(
            build.target ~ " was changed while this build looked at it, by a statement of a build that was ended or by a"
            ~ " compaction, and nothing was merged: run this again."
        ) }}
    {%- endif -%}
{%- endmacro %}

{% macro as_map(marks) -%}
    map(array[{% for name in marks %}'{{ name }}'{{ ', ' if not loop.last }}{% endfor %}], array[
    {%- for value in marks.values() %}'{{ value | replace("'", "''") }}'{{ ', ' if not loop.last }}{% endfor %}])
{%- endmacro %}

{% macro combine(some, others) -%}
    {%- set all = {} -%}
    {%- do all.update(some) -%}
    {%- do all.update(others) -%}
    {{ return(all) }}
{%- endmacro %}
