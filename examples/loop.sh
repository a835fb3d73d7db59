#!/usr/bin/env bash
# A loop in the shell. `wait` lets the trap run at once instead of after the sleep.
trap 'echo "leaving"; exit 0' INT TERM
while true; do
  echo "still here: $(date +%T)"
  sleep "${1:-3}" &
  wait $!
done
