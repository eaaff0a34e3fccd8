{# Passes when the condition is true of every row; a null condition fails. #}
{% test holds(model, condition) %}
select *
from {{ model }}
where ({{ condition }}) is not true
{% endtest %}
