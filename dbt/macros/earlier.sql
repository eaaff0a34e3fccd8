{#
  The window of what happened to somebody before a moment, of the last hours or of all time. Ends a millisecond before it, so that
  nothing of the moment itself is in it.
#}
{% macro earlier(whose, hours=none) -%}
    partition by {{ 'provider, merchant_id, ' if 'payer' in whose }}{{ whose }} order by told_ms
    range between {{ 'unbounded' if hours is none else hours * 3600000 }} preceding and 1 preceding
{%- endmacro %}
