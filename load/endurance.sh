#!/usr/bin/env bash
# Mixed load for many minutes, with kills, backups and new versions of the program in between: ./loyalty load --endurance MINUTES [RATE].
# Each minute is a load run of its own with its own account of what was acknowledged, which is compared with the books at its end. In turn a minute has a kill -9, a backup
# (which is verified), a new version of the program, or nothing. Prints a line a minute; ends with a verification of the books. Nothing is left behind but $LOYALTY_ENDURANCE (default: a temporary folder, removed).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
minutes=${1:?minutes}
rate=${2:-2000}
seconds=${LOYALTY_ENDURANCE_SECONDS:-50}
folder=${LOYALTY_ENDURANCE:-$(mktemp -d)}
gateway="$root/src/Gateway/bin/Release/net10.0/Loyalty.Gateway.dll"
load="$root/load/bin/Release/net10.0/Loyalty.Load.dll"
port=$((20000 + RANDOM % 20000))
url="http://127.0.0.1:$port"
engine=
mkdir -p "$folder/data"

up() {
    dotnet "$gateway" up --insecure --data "$folder/data" --url "$url" --memory 512 --checkpoint-records 200000 >>"$folder/engine.log" 2>&1 &
    engine=$!
    for _ in $(seq 600); do
        curl -fs "$url/readyz" >/dev/null 2>&1 && return
        sleep 0.1
    done
    echo "the engine does not start:" >&2; tail -5 "$folder/engine.log" >&2; exit 1
}

finish() {
    [ -n "$engine" ] && kill "$engine" 2>/dev/null && wait "$engine" 2>/dev/null || true
    [ -n "${LOYALTY_ENDURANCE:-}" ] || rm -rf "$folder"
}
trap finish EXIT

number() { grep -oE "\"$1\": *[0-9.]+" <<<"$2" | head -1 | grep -oE '[0-9.]+$' || echo 0; }

up
bad=0
printf '%6s %10s %10s %10s %12s %8s  %s\n' minute per_s p99_ms memory_mb events wrong what
for minute in $(seq "$minutes"); do
    dotnet "$load" load --url "$url" --key none --rate "$rate" --duration "$seconds" --members 50000 --prefix "e$minute" --returns 10 --retries 3 --check --json >"$folder/load.json" 2>"$folder/load.log" &
    client=$!
    what=""
    sleep $((seconds / 2))
    case $((minute % 4)) in
        1) kill -9 "$engine"; wait "$engine" 2>/dev/null || true; up; what="killed and started again" ;;
        2) rm -f "$folder/copy.db"; dotnet "$gateway" backup "$folder/copy.db" --data "$folder/data" >/dev/null 2>&1 && dotnet "$gateway" verify --file "$folder/copy.db" >/dev/null 2>&1 && what="backup, sound" || { what="BACKUP IS BAD"; bad=1; } ;;
        3) curl -fs "$url/v1/program" | python3 -c "
import json, sys
program = json.load(sys.stdin)
program = program.get('definition') or program['versions'][-1]['definition']
program['name'] = 'endurance $minute'
program.pop('effectiveFrom', None)
print(json.dumps(program))" | curl -fs -X PUT -H 'Content-Type: application/json' --data @- "$url/v1/program" >/dev/null && what="new version of the program" || { what="NEW VERSION REFUSED"; bad=1; } ;;
    esac
    wait "$client" || { bad=1; what="$what LOAD FAILED: $(tail -1 "$folder/load.log")"; }
    result=$(tail -1 "$folder/load.json")
    wrong=$(($(number lost "$result") + $(number doubled "$result") + $(number wrong "$result")))
    [ "$wrong" -eq 0 ] || bad=1
    memory=$(awk '/VmRSS/ {print int($2 / 1024)}' "/proc/$engine/status")
    events=$(curl -fs "$url/v1/ledger/trial-balance" | grep -oE '"events": *[0-9]+' | grep -oE '[0-9]+$' || echo 0)
    printf '%6s %10s %10s %10s %12s %8s  %s\n' "$minute" "$(number perSecond "$result")" "$(number p99Ms "$result")" "$memory" "$events" "$wrong" "$what"
done
kill "$engine"; wait "$engine" 2>/dev/null || true
engine=
dotnet "$gateway" verify --data "$folder/data" || bad=1
[ "$bad" -eq 0 ] && echo "endurance: clean" || { echo "endurance: NOT CLEAN"; exit 1; }
