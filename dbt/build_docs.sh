#!/usr/bin/env bash
# Builds dbt's pages of all models and what they are made from into a folder, as one file: static_index.html. Without
# --lake no server is asked, and the pages tell what the project says; with it, what Trino says of the tables, too.
# Not in the project's own target folder, whose manifest Dagster reads.
set -euo pipefail

project=$1 output=$2
project_options=(--project-dir "$project" --profiles-dir "$project")
unasked=(--empty-catalog) cache=(--no-populate-cache)
if [ "${3:-}" = --lake ]; then
    unasked=() cache=()
fi
.venv/bin/dbt --quiet deps "${project_options[@]}"
.venv/bin/dbt --quiet "${cache[@]}" docs generate "${unasked[@]}" --static "${project_options[@]}" --target-path "$output"
echo "$output/static_index.html"
