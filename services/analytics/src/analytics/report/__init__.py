"""A page of Gold for people: what a period brought, with a plot, a table and the query behind each number."""
