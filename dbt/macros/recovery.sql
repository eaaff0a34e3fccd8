{#
  Days after which money that nobody has tried to take again counts as lost: card networks count attempts within
  thirty days (contracts/rules/retry.yaml), so that what was not tried in them is given up.
#}
{% macro open_days() -%}30{%- endmacro %}

{# Days within which providers pay out what payments have brought, the slowest schedules included. #}
{% macro unpaid_days() -%}14{%- endmacro %}

{# The share of what was earned that may be fees, of a merchant whose provider tells none in its events. #}
{% macro untold_fees_share() -%}0.1{%- endmacro %}
