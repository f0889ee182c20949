#!/usr/bin/env bash
# What a release needs to know of the tree, and has to change in it.
#   facts       prints name=value lines; fails when the tag and the tree's versions differ
#   name-image  makes chart and plain manifests name the published image
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
version=${GITHUB_REF_NAME#v}
image=ghcr.io/${GITHUB_REPOSITORY,,}

facts() {
  grep -qx "version: $version" helm/ferrite/Chart.yaml || fail "version of helm/ferrite/Chart.yaml"
  grep -qx "appVersion: \"$version\"" helm/ferrite/Chart.yaml || fail "appVersion of helm/ferrite/Chart.yaml"
  grep -qx "version = \"$version\"" pyproject.toml || fail "version of pyproject.toml"
  epoch=$(git log -1 --format=%ct)
  printf '%s\n' "version=$version" "image=$image" "epoch=$epoch" "created=$(date --utc --date="@$epoch" +%FT%TZ)"
}

name_image() {
  sed -i "s|^  repository: ferrite/ferrite\$|  repository: $image|" helm/ferrite/values.yaml
  sed -i "s|image: \"ferrite/ferrite:|image: \"$image:|" manifests/ferrite.yaml
  if grep -n ferrite/ferrite helm/ferrite/values.yaml manifests/ferrite.yaml | grep -v "$image"; then
    fail "image of these lines"
  fi
}

fail() {
  echo "release.sh: $1 is not that of tag $GITHUB_REF_NAME" >&2
  exit 1
}

case ${1:-} in
  facts) facts ;;
  name-image) name_image ;;
  *) echo "release.sh: facts or name-image" >&2; exit 2 ;;
esac
