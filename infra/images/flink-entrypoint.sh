#!/bin/sh
# Runs a command of Flink's or ours. Flink's operator calls it with `bash -c ...` and mounts a configuration; elsewhere
# FLINK_PROPERTIES is one, as `name: value` lines.
set -eu
if [ -n "${FLINK_PROPERTIES:-}" ]; then
    export FLINK_CONF_DIR="${TMPDIR:-/tmp}/flink-conf"
    mkdir -p "$FLINK_CONF_DIR"
    cp "$FLINK_HOME"/conf/log4j* "$FLINK_CONF_DIR/"
    cat "$FLINK_HOME/java-options.yaml" - >"$FLINK_CONF_DIR/config.yaml" <<END
$FLINK_PROPERTIES
END
fi
exec "$@"
