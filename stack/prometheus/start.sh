#!/bin/sh
# Prometheus reads credentials from its files alone: the environment's are put there, in the memory of this container.
set -eu
umask 077
name=${METRICS_AUTH_USERNAME:-nobody}
case $name in
*[!A-Za-z0-9._-]*)
    echo "METRICS_AUTH_USERNAME may have letters, digits, dots, dashes and underscores only" >&2
    exit 2
    ;;
esac
printf %s "${METRICS_AUTH_PASSWORD:-}" >/tmp/metrics-password
sed "s/METRICS_AUTH_USERNAME/$name/" /etc/prometheus/prometheus.yml >/tmp/prometheus.yml
exec /bin/prometheus --config.file=/tmp/prometheus.yml --storage.tsdb.path=/prometheus \
    --storage.tsdb.retention.time=7d --storage.tsdb.retention.size=1GB
