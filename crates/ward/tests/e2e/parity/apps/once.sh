#!/bin/bash
# Ends at once, with the code it is given.
echo "once $1"
exit "${1:-0}"
