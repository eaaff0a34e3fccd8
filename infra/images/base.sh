#!/bin/sh
# Makes the two base images from Debian packages, for a machine that pulls none: base.sh. Needs mmdebstrap and docker.
# They trust what this machine's administrator trusts, as where TLS is inspected; hence they are for this machine.
set -eu
cd "$(dirname "$0")"
image() { sed -n "s/^ARG $1=//p" Dockerfile; }
debian() {
    mmdebstrap --variant=minbase --include="ca-certificates,$1" \
        --customize-hook='copy-in /usr/local/share/ca-certificates /usr/local/share' \
        --customize-hook='chroot "$1" update-ca-certificates' bookworm -
}
debian python3,python3-venv | docker import - "$(image PYTHON_IMAGE)"
debian maven,openjdk-17-jdk-headless | docker import - "$(image MAVEN_IMAGE)"
