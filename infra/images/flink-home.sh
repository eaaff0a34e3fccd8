#!/bin/sh
# Makes a FLINK_HOME from the distribution that comes with PyFlink: flink-home.sh VENV CONNECTORS TARGET.
set -eu
distribution="$1/lib/python3.11/site-packages/pyflink"
connectors=$2
target=$3

mkdir -p "$target/lib" "$target/log" "$target/plugins/flink-s3-fs-presto" "$target/plugins/metrics-prometheus"
# Copied, because the scripts follow links back to the distribution.
cp -R "$distribution/bin" "$distribution/conf" "$target/"
chmod +x "$target"/bin/*
ln -s "$distribution/opt" "$target/opt"
ln -s "$distribution"/lib/*.jar "$distribution"/opt/flink-python-*.jar "$target/lib/"
ln -s "$distribution"/plugins/metrics-prometheus/*.jar "$target/plugins/metrics-prometheus/"
cp "$connectors"/flink-s3-fs-presto-*.jar "$target/plugins/flink-s3-fs-presto/"
cp "$connectors"/flink-sql-*.jar "$connectors"/payments-*.jar "$target/lib/"
# What Flink needs of its JVM, for a configuration that is written when a container starts.
sed -n 's/^ *all: *\(--add-.*\)$/env.java.opts.all: \1/p' "$distribution/conf/config.yaml" >"$target/java-options.yaml"
test -s "$target/java-options.yaml"
