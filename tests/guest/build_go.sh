#!/bin/sh
# build_go.sh GO OUTPUT SOURCE_DIR: go build wants to stand in the module, and absolute names for the rest.
set -eu
go=$1 output=$(realpath "$2") source=$3
GOCACHE=$(realpath -m "$GOCACHE")
export GOCACHE
cd "$source"
exec nice "$go" build -trimpath -o "$output" .
