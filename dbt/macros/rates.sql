{# A part of a whole, from 0 to 1; null of nothing. #}
{% macro rate(part, whole) -%}
    cast(least(1, cast({{ part }} as decimal(18, 6)) / nullif({{ whole }}, 0)) as decimal(7, 6))
{%- endmacro %}

{# The points of an input, from 0 to 100; null where there is no rate. #}
{% macro health_points(rate, worst, best) -%}
    cast(least(100, greatest(0, ({{ rate }} - {{ worst }}) * 100 / ({{ best }} - {{ worst }}))) as decimal(5, 2))
{%- endmacro %}
