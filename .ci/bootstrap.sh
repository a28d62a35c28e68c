#!/usr/bin/env bash
# A bare Debian 12 machine -> Docker Engine with a base image, PostgreSQL, Redis, nginx and Chromium. Seconds when all is there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
state=${MODELPORT_CI_STATE:-/var/tmp/modelport-ci}
image=python:3.11-slim-bookworm
mkdir -p "$state"

need=(curl docker.io docker-registry iptables mmdebstrap redis-server postgresql chromium fonts-dejavu-core nginx-light)
miss=()
for package in "${need[@]}"; do
  dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || miss+=("$package")
done
if [ ${#miss[@]} -gt 0 ]; then
  [ "$(id -u)" = 0 ] || { echo "These packages are missing, and only root can install them: ${miss[*]}"; exit 1; }
  echo "Installing ${miss[*]}."
  # A package that starts its service at once would take the port the tests give to theirs.
  policy=/usr/sbin/policy-rc.d
  [ -e $policy ] || { printf '#!/bin/sh\nexit 101\n' >$policy; chmod 755 $policy; made_policy=1; }
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "${miss[@]}" >"$state/apt.log" 2>&1 ||
    { tail -20 "$state/apt.log"; exit 1; }
  [ -z "${made_policy:-}" ] || rm -f $policy
fi

if ! docker info >/dev/null 2>&1; then
  echo "Starting the Docker Engine."
  # A pid file that an earlier machine state left behind would keep it from starting.
  [ -e /var/run/docker.pid ] && ! kill -0 "$(cat /var/run/docker.pid)" 2>/dev/null && rm -f /var/run/docker.pid
  setsid nohup dockerd >"$state/dockerd.log" 2>&1 </dev/null &
  for _ in $(seq 300); do docker info >/dev/null 2>&1 && break; sleep .2; done
  docker info >/dev/null 2>&1 || { tail -20 "$state/dockerd.log"; exit 1; }
fi

if ! docker image inspect $image >/dev/null 2>&1; then
  echo "Getting the base image $image."
  timeout 300 docker pull -q $image >"$state/pull.log" 2>&1 || bash "$here/base_image.sh" $image >"$state/base_image.log" 2>&1 ||
    { tail -20 "$state/base_image.log"; exit 1; }
fi
echo "Docker $(docker version -f '{{.Server.Version}}'), $(chromium --version 2>/dev/null | cut -d' ' -f1-2)"
