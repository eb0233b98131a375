# Common functions of the scripts: sourced, not run. Compatible with bash 3.2, which macOS has.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/interlingua
bin=$cache/bin
me=${0##*/}

say() { printf '%s\n' "$*" >&2; }
die() {
    say "$me: $*"
    exit 1
}

# here TOOL: whether the program is installed.
here() { command -v "$1" >/dev/null 2>&1; }

# step WHAT: shows progress. scripts/serve sets the number of steps and counts them in a file, as some are in other
# scripts.
step() {
    if [[ -z ${INTERLINGUA_STEPS:-} ]]; then
        say "$*"
        return
    fi
    local of=${INTERLINGUA_STEPS%%:*} rest=${INTERLINGUA_STEPS#*:}
    local started=${rest%%:*} count=${rest#*:} seconds
    printf x >>"$count"
    seconds=$(($(date +%s) - started))
    say "$(printf '[%d/%d, %d:%02d]' "$(wc -c <"$count")" "$of" $((seconds / 60)) $((seconds % 60))) $*"
}

# free FOLDER: the free space of its disk in MB; a large number if df does not say.
free() {
    local kilobytes
    kilobytes=$(df -Pk "$1" 2>/dev/null | awk 'NR == 2 { print $4 }')
    echo $((${kilobytes:-999999999} / 1024))
}

# why SENTENCE: prints SENTENCE or, if the disk is full, that as the reason.
why() {
    local megabytes
    megabytes=$(free "$cache")
    if ((megabytes < 300)); then
        echo "the disk of $cache is full ($megabytes MB left): make room, or name a folder on another disk in XDG_CACHE_HOME, and run this again; it continues from here."
    else
        echo "$*"
    fi
}

# digest: the SHA-256 of its input.
digest() {
    if here sha256sum; then sha256sum; else shasum -a 256; fi | cut -d ' ' -f 1
}
