#!/usr/bin/env bash
# Takes away what up.sh made; images stay.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
docker rm --force ferrite-router ferrite-client ferrite-remote
kind delete cluster --name ferrite
rm -rf "${FERRITE_KIND_STATE:-$here/state}"
