#!/bin/sh
# Puts a release of The Open Harbor into service:
#
#   deploy.sh RELEASE        a folder below releases/
#
# Copies the database, stops the application, brings the database to head, starts the new release and asks it how it is. When
# any of that fails, the database is put back and the release from before is started again. Ends with 0 when the new release
# answers well, and else with the exit code of harbor-db, which has said what is wrong.
set -eu

home=${OPENHARBOR_HOME:-/srv/harbor}
health=${OPENHARBOR_HEALTH_URL:-http://127.0.0.1:8000/health}
patience=${OPENHARBOR_HEALTH_TIMEOUT:-90s}

# .env, which says where the database is, lies here.
cd "$home"

NEW=releases/${1:?which release is not said}
# Empty before the first one.
OLD=$(readlink current || true)
export NEW OLD
if [ ! -d "$NEW" ]; then
  echo "deploy: there is no $home/$NEW" >&2
  exit 2
fi

exec 9>.deploy.lock
if ! flock -n 9; then
  echo "deploy: another one is at work" >&2
  exit 5
fi

# A copy in any case but the first. Where something is pending, the upgrade makes another one of what is written until the
# application stops.
if [ -n "$OLD" ]; then
  harbor-db backup
fi

exec harbor-db upgrade --always --restore-on-failure \
  --before 'systemctl stop openharbor' \
  --after '
    case $HARBOR_DB_OUTCOME in
      upgraded) release=$NEW ;;
      unchanged | restored) release=$OLD ;;
      *)
        echo "deploy: the database is between two releases, none is started: harbor-db status" >&2
        exit 1
        ;;
    esac
    if [ -n "$release" ]; then
      ln -sfn "$release" current.new && mv -T current.new current && systemctl restart openharbor
    fi' \
  --health-url "$health" --health-timeout "$patience"
