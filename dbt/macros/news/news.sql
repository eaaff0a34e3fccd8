{#
  A table that is built from the news: what the table that it follows has gained since the last build is put in the place
  of that table in the model's query, and the result is merged.

  How far a table has been read is a sequence number of Iceberg: each file has that of the commit that its rows came with,
  and one that is merged from others never a lower one than any of theirs. So a file at or below the number holds nothing
  new, whatever was compacted, whichever snapshots are gone and whatever the clocks say. The number stands in the table's
  own properties, and is written after the merge: a build that failed is repeated.

  Above the number there may be rows that are known, in files that were compacted since. So each kind of news (`news` in
  the model's config) finds what it knows, and leaves out what has not changed.

  Where the books say that rows of the followed table are gone (a rollback, another table of that name), where the model
  has gained columns, and where the followed table was itself built anew, the table is built anew in one commit.

  Config: news (events, versions or payments), unique_key, properties.
#}
{% materialization news, adapter='trino', supported_languages=['sql'] -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type='table') -%}
    {%- set read = relation_of(model['depends_on']['nodes'][0]) -%}
    {%- if existing is not none and not existing.is_table -%}
        {% do adapter.drop_relation(existing) %}
        {%- set existing = none -%}
    {%- endif -%}
    {{ run_hooks(pre_hooks) }}
    {%- set followed = followed_by(model['depends_on']['nodes'][0]) -%}
    {%- set found = look_at(target, followed, existing is not none and not should_full_refresh()) -%}
    {%- set build = {
        'target': target,
        'read': read,
        'followed': followed,
        'marks': found.marks,
        'present': found.columns,
        'snapshot': found.snapshot,
        'left_behind': found.scratch,
        'columns': payments_sources['columns__' ~ model.name]().replace(',', ' ').split(),
        'sql': sql,
        'existing': existing,
        'scratch': [],
        'days': [],
        'say': 'nothing new',
    } -%}
    {%- set why = reason_to_build_anew(build) -%}
    {%- if not why -%}
        {%- if config.require('news') == 'events' -%}
            {%- set why = merge_news_of_events(build) -%}
        {%- elif config.get('news') == 'versions' -%}
            {%- set why = merge_news_of_versions(build) -%}
        {%- elif config.get('news') == 'payments' -%}
            {%- set why = merge_news_of_payments(build) -%}
        {%- else -%}
            {{ exceptions.raise_compiler_error(model.name ~ ": news must be events, versions or payments") }}
        {%- endif -%}
    {%- endif -%}
    {%- if why -%}
        {% do build_anew(build, why) %}
    {%- endif -%}
    {%- for each in build.scratch -%}
        {% do run_query("drop table if exists " ~ each) %}
    {%- endfor -%}
    {# dbt tells the result of a statement of this name. #}
    {% call noop_statement('main', build.say, 'NEWS') -%} {%- endcall %}
    {{ run_hooks(post_hooks) }}
    {% do persist_docs(target, model) %}
    {{ return({'relations': [target]}) }}
{%- endmaterialization %}

{#
  Builds the whole table in one commit, with how far it read: as the followed table was before the query, so that what came
  meanwhile is read again.
#}
{% macro build_anew(build, why) -%}
    {%- if build.existing is not none and why != 'full refresh' -%}
        {{ log(build.target ~ " is built anew: " ~ why, info=true) }}
    {%- endif -%}
    {%- do drop_left_behind(build) -%}
    {%- do generation_of(build.followed) -%}
    {%- set files = files_beyond(build.followed, 0) -%}
    {%- set properties = config.get('properties', {}) -%}
    {%- do properties.update({'extra_properties': as_map(combine(marks_at(files, build.followed), {
        'news.generation': invocation_id,
        'news.days': 'all',
    }))}) -%}
    {%- do run_query(trino__create_table_as(False, build.target, build.sql, on_exists='replace' if build.existing is not none else none)) -%}
    {%- do build.update({'say': 'built anew: ' ~ why}) -%}
{%- endmacro %}

{# Why the news alone will not do, before it is looked at; nothing where it will. #}
{% macro reason_to_build_anew(build) -%}
    {%- if build.existing is none -%}
        {{ return('it was not there') }}
    {%- elif should_full_refresh() -%}
        {{ return('full refresh') }}
    {%- elif 'news.sequence' not in build.marks -%}
        {{ return('nothing says how far it has read') }}
    {%- endif -%}
    {%- if build.columns | reject('in', build.present) | list -%}
        {{ return('it gains columns') }}
    {%- endif -%}
    {%- if build.marks.get('news.followed') != generation_of(build.followed) -%}
        {{ return('what it follows was built anew') }}
    {%- endif -%}
    {{ return('') }}
{%- endmacro %}

{#
  Merges the rows of a query by the key, in one commit; rows to change are looked for on the given days alone. Nothing is
  merged once another build has begun with the table: that one has seen more.

  Where rows may be of what is no more, `is_gone` is the column that says so. Then nothing is merged either if anything
  was committed to the table since this build looked at it: a build that was ended may have left a statement under way,
  and what that adds would not be among what is gone.
#}
{% macro merge_rows(build, query, days, is_gone=none) -%}
    {%- set keys = [config.get('unique_key')] if config.get('unique_key') is string else config.get('unique_key') -%}
    {%- set others = build.columns | reject('in', keys) | list -%}
    {% set merge %}
    merge into {{ build.target }} as known
    using (
        select *
        from ({{ query }})
        where (select value from {{ metadata_of(build.target, 'properties') }} where key = 'news.run') = '{{ invocation_id }}'
            {%- if is_gone %}
            and (select snapshot_id from {{ metadata_of(build.target, 'refs') }} where name = 'main') = {{ build.snapshot }}
            {%- endif %}
    ) as news
    on {{ on_days('known.event_date', days) }}
    {%- for key in keys %}
        and known.{{ key }} = news.{{ key }}
    {%- endfor %}
    {%- if is_gone %}
    when matched and news.{{ is_gone }} then delete
    {%- endif %}
    when matched then update set
    {%- for column in others %}
        {{ column }} = news.{{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
    when not matched {%- if is_gone %} and not news.{{ is_gone }}{% endif %} then insert ({{ build.columns | join(', ') }})
    values ({% for column in build.columns %}news.{{ column }}{{ ', ' if not loop.last }}{% endfor %})
    {% endset %}
    {%- call statement('merge') -%}{{ merge }}{%- endcall -%}
    {%- do require_own_run(build, is_merged=not is_gone or load_result('merge').response.rows_affected > 0) -%}
    {%- do build.days.extend(days) -%}
{%- endmacro %}
