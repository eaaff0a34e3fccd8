{#
  What a test looks at. A build tests the days on which it has merged rows, so that its cost is that of the news; `dbt test`
  tests whole tables, and so does a build with DBT_TESTS=whole.
#}
{% macro trino__get_where_subquery(relation) -%}
    {%- if execute and tests_news_alone() and is_built_from_news(relation) -%}
        {%- set days = marks_of(relation).get('news.days', 'all') -%}
        {%- if days != 'all' -%}
            {%- set where = config.get('where') -%}
            {% set rows %}(
                select * from {{ relation }} where {{ on_days('event_date', days.split(',')) }}{% if where %} and ({{ where }}){% endif %}
            ) dbt_subquery{% endset %}
            {{ return(rows) }}
        {%- endif -%}
    {%- endif -%}
    {{ return(dbt.default__get_where_subquery(relation)) }}
{%- endmacro %}

{% macro tests_news_alone() -%}
    {{ return(flags.WHICH == 'build' and env_var('DBT_TESTS', 'news') != 'whole') }}
{%- endmacro %}

{% macro is_built_from_news(relation) -%}
    {%- for node in graph.nodes.values() if node.config.materialized == 'news' and node.alias == relation.identifier -%}
        {{ return(true) }}
    {%- endfor -%}
    {{ return(false) }}
{%- endmacro %}
