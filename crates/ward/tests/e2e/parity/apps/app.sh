#!/bin/bash
# Tells what it was given, then stays.
echo "out of $name"
echo "err of $name" >&2
folder=$(dirname "$(readlink -f "$0")")/got
mkdir -p "$folder"
{ cat /proc/$$/environ; printf '\0'; pwd; id -u; id -g; tr '\0' '\n' </proc/$$/cmdline; } >"$folder/$pm_id.$$.new"
mv "$folder/$pm_id.$$.new" "$folder/$pm_id.$$.text"
exec sleep 1000
