{# A table of Iceberg's metadata of a relation. #}
{% macro metadata_of(relation, what) -%}
    "{{ relation.database }}"."{{ relation.schema }}"."{{ relation.identifier }}${{ what }}"
{%- endmacro %}

{# The relation of a model or source, by its id in dbt. #}
{% macro relation_of(unique_id) -%}
    {%- set node = graph.nodes.get(unique_id) or graph.sources[unique_id] -%}
    {{ return(api.Relation.create(
        database=node.database, schema=node.schema, identifier=node.get('alias') or node.identifier
    )) }}
{%- endmacro %}

{# The table whose files tell of news: a model's own, or what a view is made from. #}
{% macro followed_by(unique_id) -%}
    {%- set node = graph.nodes.get(unique_id) -%}
    {%- if node is not none and node.config.materialized == 'view' -%}
        {{ return(followed_by(node.depends_on.nodes[0])) }}
    {%- endif -%}
    {{ return({'relation': relation_of(unique_id), 'is_built': node is not none}) }}
{%- endmacro %}

{#
  The data files of a table with rows above a sequence number, oldest first, no more than a statement can name:
  `files` as [sequence number, path, rows] and `news_rows` in them; `sequence`, up to which nothing is left out then;
  `rows` of the table up to there, those apart that were deleted; `deleted_rows`; `is_all`.
#}
{% macro files_beyond(followed, sequence, most=2500) -%}
    {%- set relation = followed.relation -%}
    {%- if not followed.is_built and run_query("select count(*) from " ~ metadata_of(relation, 'snapshots')).rows[0][0] | int == 0 -%}
        {# Nobody has written to it yet, and Trino fails when asked for its files. #}
        {{ return({'files': [], 'news_rows': 0, 'sequence': 0, 'rows': 0, 'deleted_rows': 0, 'is_all': true}) }}
    {%- endif -%}
    {% set statement %}
    select
        coalesce(max(file_sequence_number), 0),
        coalesce(sum(data_file.record_count) filter (where data_file.content = 0), 0),
        coalesce(sum(data_file.record_count) filter (where data_file.content = 1), 0),
        json_format(cast(
            array_agg(array[cast(sequence_number as varchar), data_file.file_path, cast(data_file.record_count as varchar)])
                filter (where data_file.content = 0 and sequence_number > {{ sequence }}) as json
        ))
    from {{ metadata_of(relation, 'entries') }}
    where status <> 2
    {% endset %}
    {%- set row = run_query(statement).rows[0] -%}
    {%- set found = [] -%}
    {%- for each in fromjson(row[3] or 'null') or [] -%}
        {%- do found.append([each[0] | int, each[1], each[2] | int]) -%}
    {%- endfor -%}
    {%- set found = found | sort -%}
    {%- set last = row[0] | int if found | length <= most else found[most - 1][0] -%}
    {%- set files = found if found | length <= most else found | rejectattr(0, 'gt', last) | list -%}
    {%- set left = found | map(attribute=2) | sum - files | map(attribute=2) | sum -%}
    {{ return({
        'files': files,
        'news_rows': files | map(attribute=2) | sum,
        'sequence': last,
        'rows': (row[1] | int) - (row[2] | int) - left,
        'deleted_rows': row[2] | int,
        'is_all': files | length == found | length,
    }) }}
{%- endmacro %}

{# The rows of some files of a table. #}
{% macro rows_of_files(relation, files) -%}
    (
        select *
        from {{ relation }}
        where "$path" in (
            {%- for each in files %}'{{ each[1] | replace("'", "''") }}'{{ ', ' if not loop.last }}{% endfor -%}
        )
    )
{%- endmacro %}

{#
  Whether a column is on one of some days, given as texts, so that files of other days are not opened. Of very many days
  their range will do.
#}
{% macro on_days(column, days) -%}
    {%- set days = days | unique | sort -%}
    {%- if not days -%}
        false
    {%- elif days | length > 400 -%}
        {{ column }} between date '{{ days[0] }}' and date '{{ days[-1] }}'
    {%- else -%}
        {{ column }} in ({% for day in days %}date '{{ day }}'{{ ', ' if not loop.last }}{% endfor %})
    {%- endif -%}
{%- endmacro %}

{# A table beside the target that a build keeps rows in meanwhile; a build's own, so that two do not meet. #}
{% macro scratch(build, name, query) -%}
    {%- set relation = api.Relation.create(
        database=build.target.database,
        schema=build.target.schema,
        identifier=build.target.identifier ~ '__' ~ name ~ '_' ~ invocation_id[:8],
    ) -%}
    {%- do build.scratch.append(relation) -%}
    {%- do run_query("create or replace table " ~ relation ~ " as " ~ query) -%}
    {{ return(relation) }}
{%- endmacro %}
