{#
  A text as a number: equal texts give equal numbers, and different ones hardly ever the same. A column of such numbers is
  a fraction of its texts to read, so what is looked up by them is compared by its text afterwards.
#}
{% macro hashed(text) -%}
    from_big_endian_64(xxhash64(to_utf8({{ text }})))
{%- endmacro %}

{# The number of a name that a provider has for an object, whatever its family. #}
{% macro hashed_name(provider, name) -%}
    {{ hashed(provider ~ " || '/' || " ~ name) }}
{%- endmacro %}
