#!/bin/sh
# One part of Dagster: dagster.sh code | webserver | daemon. The instance's settings are those of the repository.
set -eu
mkdir -p "$DAGSTER_HOME" "$DBT_LOG_PATH" "$DBT_TARGET_PATH"
cp /opt/dagster/dagster.yaml "$DAGSTER_HOME/dagster.yaml"
case $1 in
code)
    exec dagster api grpc --host 0.0.0.0 --port 3001 --module-name analytics.definitions \
        --use-python-environment-entry-point --inject-env-vars-from-instance
    ;;
webserver) exec dagster-webserver --host 0.0.0.0 --port 3000 --workspace /opt/dagster/workspace.yaml ;;
daemon) exec dagster-daemon run --workspace /opt/dagster/workspace.yaml ;;
*)
    echo "dagster.sh: $1 is none of code, webserver, daemon" >&2
    exit 2
    ;;
esac
