#!/usr/bin/env bash
# Ends the services `.ci/run` started, and removes what the tests left in the engine: everything of the portal carries the label
# "modelport". What was there before (a portal that runs on the same machine) is remembered by `cleanup.sh remember` and stays.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
state=${MODELPORT_CI_STATE:-/var/tmp/modelport-ci}

list() {
  case $1 in
    container) docker ps -aq --no-trunc --filter label=modelport ;;
    image) docker images -q --no-trunc --filter label=modelport | sort -u ;;
    *) docker "$1" ls -q --filter label=modelport ;;
  esac
}

docker info >/dev/null 2>&1 || exit 0
if [ "${1:-}" = remember ]; then
  for kind in container network volume image; do list $kind >"$state/before.$kind"; done
  exit 0
fi
bash "$here/services.sh" stop
for kind in container network volume image; do
  force=-f; [ $kind = network ] && force=
  list $kind | grep -vxFf "$state/before.$kind" | xargs -r docker $kind rm $force >/dev/null 2>&1
done
docker image prune -f >/dev/null
