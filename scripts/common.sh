# What the scripts share: sourced, not run. Kept to what bash 3.2 knows, which is macOS' own.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/interlingua
bin=$cache/bin
me=${0##*/}

say() { printf '%s\n' "$*" >&2; }
die() {
    say "$me: $*"
    exit 1
}

# here TOOL: whether there is such a program.
here() { command -v "$1" >/dev/null 2>&1; }

# step WHAT: where a long run is. scripts/serve says how many steps there are, and counts them in a file, as some
# are other scripts'.
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

# free FOLDER: how many MB its disk has left; a lot where df does not say.
free() {
    local kilobytes
    kilobytes=$(df -Pk "$1" 2>/dev/null | awk 'NR == 2 { print $4 }')
    echo $((${kilobytes:-999999999} / 1024))
}

# why SENTENCE: SENTENCE, or that the disk is full where it is, which is then the reason.
why() {
    local megabytes
    megabytes=$(free "$cache")
    if ((megabytes < 300)); then
        echo "the disk of $cache is full ($megabytes MB left): make room, or name a folder on another disk in XDG_CACHE_HOME, and run this again; it goes on from here."
    else
        echo "$*"
    fi
}

# digest: the SHA-256 of what comes in.
digest() {
    if here sha256sum; then sha256sum; else shasum -a 256; fi | cut -d ' ' -f 1
}
