#!/bin/sh
# The user of the timer's service. The timer is not started: it does not know the database yet.
set -e
if command -v systemd-sysusers >/dev/null; then
  systemd-sysusers --root="${DPKG_ROOT:-/}" harbor-db.conf
elif [ -z "${DPKG_ROOT:-}" ] && ! getent passwd harbor-db >/dev/null; then
  useradd --system --home-dir /var/lib/harbor-db --shell /usr/sbin/nologin harbor-db
fi
if [ -z "${DPKG_ROOT:-}" ] && [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
exit 0
