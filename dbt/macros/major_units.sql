{#
  An integer amount in minor units as a decimal in major units: 1234 is 12.34 USD, 1234 JPY and 1.234 KWD.
  The factor is rounded to four decimals, which every ISO 4217 exponent fits, so the product is exact.
#}
{% macro major_units(minor, exponent) -%}
    cast({{ minor }} as decimal(19, 0)) * cast(power(10, -{{ exponent }}) as decimal(5, 4))
{%- endmacro %}
