#!/bin/sh
# Makes the two base images from Debian packages, for a machine that pulls none: base.sh. Needs mmdebstrap and docker.
set -eu
cd "$(dirname "$0")"
image() { sed -n "s/^ARG $1=//p" Dockerfile; }
mmdebstrap --variant=minbase --include=ca-certificates,python3,python3-venv bookworm - |
    docker import - "$(image PYTHON_IMAGE)"
mmdebstrap --variant=minbase --include=ca-certificates,maven,openjdk-17-jdk-headless bookworm - |
    docker import - "$(image MAVEN_IMAGE)"
