# Sourced by scripts that check many things: runs them side by side. What a part says comes as a whole
# when it ends; the others go on when one fails, and `all_parts` fails in the end.
#
# PARTS_AT_ONCE  how many run at once (default: 2, for two cores)

parts=''

# part NAME COMMAND...: begins it as soon as there is room.
part() {
    [ -n "$parts" ] || parts=$(mktemp -d)
    while [ "$(jobs -rp | wc -l)" -ge "${PARTS_AT_ONCE:-2}" ]; do wait -n || true; done
    run_part "$@" &
}

run_part() {
    local name=$1 from=$SECONDS said code=0
    shift
    said=$(mktemp "$parts/said.XXXXXX")
    printf -- '--- %s begins\n' "$name" | tell
    "$@" >"$said" 2>&1 || code=$?
    if [ "$code" -ne 0 ]; then
        printf '%s\n' "$name" >>"$parts/failed"
        name="$name: FAILED with $code"
    fi
    printf '%6s s  %s\n' $((SECONDS - from)) "$name" >>"$parts/times"
    printf '\n--- %s, %s s\n%s\n' "$name" $((SECONDS - from)) "$(cat "$said")" | tell
}

# tell: writes what it reads while no other part writes. The shell writes each line by itself.
tell() {
    local code=0
    until mkdir "$parts/telling" 2>/dev/null; do sleep 0.02; done
    cat || code=$?
    rmdir "$parts/telling"
    return "$code"
}

# all_parts: waits for them, says how long each took, and fails where one has.
all_parts() {
    wait
    printf '\n%s\n' "$(cat "$parts/times")"
    local code=0
    [ ! -e "$parts/failed" ] || code=1
    rm -rf "$parts"
    parts=''
    return "$code"
}
