#!/usr/bin/env bash
# python:<X.Y>-slim-bookworm without any container registry: Debian's packages, and CPython laid out in /usr/local as in
# the official image. The machine's certificates go in too, so that `pip install` works behind a proxy that has its own.
#   base_image.sh [tag]
set -euo pipefail
tag=${1:-python:3.11-slim-bookworm}
version=${tag#*:}; version=${version%%-*}
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT

# A CPython of this machine that lives under one prefix of its own; Debian's, spread over /usr, cannot be moved.
prefix=
for python in "python$version" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$version".*/bin/python; do
  found=$("$python" -c "import sys; print(sys.base_prefix if sys.version.startswith('$version.') else '')" 2>/dev/null || true)
  if [ -n "$found" ] && [ "$found" != /usr ]; then prefix=$found; break; fi
done

# The libraries that CPython's own modules link to.
include=usr-is-merged,ca-certificates,netbase,tzdata,libbz2-1.0,libffi8,liblzma5,libncursesw6,libreadline8,libsqlite3-0,libssl3,zlib1g,libuuid1,libexpat1
[ -n "$prefix" ] || include=$include,python$version,python$version-venv
sources=(); for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources}; do [ -s "$file" ] && sources+=("$file"); done
mmdebstrap --variant=minbase --mode=root --include="$include" \
  --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
  --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Languages { "none"; }' \
  --dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/info/*' \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*.bin "$1"/var/log/*.log "$1"/etc/machine-id "$1"/etc/resolv.conf "$1"/etc/hostname' \
  bookworm "$work/rootfs.tar" "${sources[@]}"
docker import --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' "$work/rootfs.tar" debian:bookworm-slim
rm "$work/rootfs.tar"

root=$work/context/root
mkdir -p "$root/usr/local/bin" "$root/usr/local/lib" "$root/etc/ssl/certs"
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
if [ -n "$prefix" ]; then
  cp -a "$prefix/bin/python$version" "$root/usr/local/bin/"
  cp -a "$prefix"/lib/libpython"$version"*.so* "$root/usr/local/lib/" 2>/dev/null || true
  tar -C "$prefix/lib" --exclude="python$version/site-packages/*" --exclude="python$version/test" --exclude='*/idle_test' --exclude='__pycache__' \
    --exclude='*.a' --exclude='_tkinter*.so' -cf - "python$version" | tar -C "$root/usr/local/lib" -xf -
  # Text files that name the old prefix.
  grep -rlI --null -- "$prefix" "$root" | xargs -0r sed -i "s#$prefix#/usr/local#g"
else
  ln -s "/usr/bin/python$version" "$root/usr/local/bin/python$version"
fi
cat >"$work/context/Dockerfile" <<D
FROM debian:bookworm-slim
ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \\
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt PIP_CERT=/etc/ssl/certs/ca-certificates.crt REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt
COPY root/ /
RUN ldconfig && cd /usr/local/bin && ln -sf python$version python3 && ln -sf python3 python && python3 -c 'import ssl, sqlite3, lzma, bz2, ctypes, readline, zlib, uuid'
CMD ["python3"]
D
DOCKER_BUILDKIT=0 docker build -q -t "$tag" "$work/context"
