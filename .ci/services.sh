#!/usr/bin/env bash
# PostgreSQL and Redis on loopback for the tests, data under MODELPORT_CI_STATE.   services.sh start|stop
set -euo pipefail
state=${MODELPORT_CI_STATE:-/var/tmp/modelport-ci}
pgport=${PGPORT:-15432} redisport=${REDISPORT:-16379}
pg=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
# initdb refuses to be root; whoever is not root runs it as themselves.
as() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }

start() { # nothing in these databases outlives a run, so nothing waits for the disk
  mkdir -p "$state"; chmod 755 "$state"
  if ! "$pg/pg_isready" -q -h 127.0.0.1 -p "$pgport"; then
    if [ "$(id -u)" = 0 ]; then install -d -o postgres -g postgres "$state/postgres"; else mkdir -p "$state/postgres"; fi
    [ -s "$state/postgres/data/PG_VERSION" ] || as "$pg/initdb" -D "$state/postgres/data" -A trust -U postgres -E UTF8 --locale=C.UTF-8 --no-sync >"$state/initdb.log"
    as "$pg/pg_ctl" -D "$state/postgres/data" -w -t 60 -l "$state/postgres/log" \
      -o "-p $pgport -c listen_addresses=127.0.0.1 -c unix_socket_directories=$state/postgres -c fsync=off -c full_page_writes=off -c synchronous_commit=off" start >/dev/null || { tail -20 "$state/postgres/log"; exit 1; }
  fi
  if ! redis-cli -p "$redisport" ping >/dev/null 2>&1; then
    redis-server --port "$redisport" --bind 127.0.0.1 --save '' --appendonly no --dir "$state" --daemonize yes \
      --pidfile "$state/redis.pid" --logfile "$state/redis.log" >/dev/null
    for _ in $(seq 100); do redis-cli -p "$redisport" ping >/dev/null 2>&1 && break; sleep .1; done
  fi
  echo "PostgreSQL $(psql -h 127.0.0.1 -p "$pgport" -U postgres -Atc 'show server_version'), Redis $(redis-cli -p "$redisport" info server | grep -o 'redis_version:[0-9.]*' | cut -d: -f2)"
}

stop() { # only what start() started: another server on the same port has no data of ours
  [ ! -s "$state/postgres/data/postmaster.pid" ] || as "$pg/pg_ctl" -D "$state/postgres/data" -m fast stop >/dev/null 2>&1 || true
  [ ! -s "$state/redis.pid" ] || redis-cli -p "$redisport" shutdown nosave >/dev/null 2>&1 || true
}

"${1:-start}"
