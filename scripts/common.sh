# Shared by ./demo and ./check: what a fresh Debian 12 needs, and stages with their time. Sourced,
# not run.
# shellcheck shell=bash

set -euo pipefail

# The Rust that this code is tested with; older ones are replaced by Debian's cargo-web.
RUST_MINIMUM=1.95

RUST_PACKAGES=(cargo-web rustc-web rustfmt-web rust-web-clippy)

# What the two scripts and everything they start need. The lab asks for the same packages (a test
# compares).
mapfile -t PACKAGES < <(grep -v '^#' scripts/packages.txt)

export XENHEAP_CACHE="${XENHEAP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/xenheap}"

say() { printf '%s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 4; }

missing_packages() {
    local package
    for package in "${PACKAGES[@]}"; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || printf '%s\n' "$package"
    done
}

rust_is_new_enough() {
    local version
    version=$(cargo --version 2>/dev/null | cut -d' ' -f2) || return 1
    [ -n "$version" ] && printf '%s\n%s\n' "$RUST_MINIMUM" "$version" | sort -V -C
}

install_what_is_missing() {
    local packages
    mapfile -t packages < <(missing_packages)
    rust_is_new_enough || packages+=("${RUST_PACKAGES[@]}")
    [ ${#packages[@]} -gt 0 ] || return 0
    [ "$(id -u)" = 0 ] || die "these packages are missing: ${packages[*]}
Run as root, or: sudo apt-get install --no-install-recommends ${packages[*]}"
    apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${packages[@]}"
    hash -r
    rust_is_new_enough || die "Rust $RUST_MINIMUM or newer is needed, and $(command -v cargo || echo cargo) is $(cargo --version 2>&1).
Debian 12's security archive has a newer cargo-web: see that apt's sources name bookworm-security, then run this again."
}

# What will happen, before it does.
announce() { # GB MINUTES-COLD MINUTES-WARM
    local packages
    mapfile -t packages < <(missing_packages)
    say "Packages to install:  ${packages[*]:-none}"
    if rust_is_new_enough; then say "Rust:                 $(cargo --version) of this machine"
    else say "Rust:                 Debian's ${RUST_PACKAGES[*]} (this machine has none that is new enough: $RUST_MINIMUM)"; fi
    say "Kept and reused:      $XENHEAP_CACHE (Xen's source, builds, a Debian kernel) and ./target"
    say "Disk:                 about $1 GB, packages and Rust libraries included"
    say "Time on two cores:    about $2 minutes the first time, $3 when run again"
    say
}

# No stage takes longer.
STAGE_LIMIT=${STAGE_LIMIT:-3600}

STAGES=()
STAGE_NAMES=()
declare -A STAGE_COMMANDS STAGE_NEEDS STAGE_DONE
NEEDS=()

# Names the stages whose outputs the next one uses.
needs() { NEEDS=("$@"); }

# Runs a command as a named stage and remembers how long it took. The command runs in a subshell and
# outside of any condition, so that the first failing command of a function ends the stage. Text
# that the command appends to $RESULTS is kept with the stage.
#
# STAGE_FOLDER, if set, records which stages passed. With RESUME, a stage that passed with the same
# files is not run again. With ONLY, only the stages run whose names contain it. With SHARD=K/N,
# only each Nth stage from the Kth on runs. The stages that a stage needs run before it, unless they
# passed with the same files. RESULT_FOLDER, if set, gets a file with the result of each stage that
# passed.
stage() { # NAME COMMAND...
    local name=$1 need
    shift
    [ -z "${STAGE_COMMANDS[$name]-}" ] || die "two stages are called: $name"
    for need in "${NEEDS[@]}"; do
        [ -n "${STAGE_COMMANDS[$need]-}" ] || die "$name needs what is no stage before it: $need"
    done
    STAGE_NAMES+=("$name")
    STAGE_COMMANDS[$name]=$(printf '%q ' "$@")
    STAGE_NEEDS[$name]=$(printf '%s\n' "${NEEDS[@]}")
    NEEDS=()
    is_chosen "$name" || return 0
    run_stage "$name" "${RESUME-}"
}

# Whether the stage that was named last is wanted.
is_chosen() { # NAME
    case "$1" in *"${ONLY-}"*) ;; *) return 1 ;; esac
    [ -z "${SHARD-}" ] || [ $(((${#STAGE_NAMES[@]} - 1) % ${SHARD#*/})) -eq $((${SHARD%/*} - 1)) ]
}

run_stage() { # NAME RESUME
    local name=$1 resume=$2 begin status=0 seconds passed='' commit need
    [ -z "${STAGE_DONE[$name]-}" ] || return 0
    STAGE_DONE[$name]=1
    while read -r need; do
        [ -z "$need" ] || run_stage "$need" 1
    done <<< "${STAGE_NEEDS[$name]}"
    if [ -n "${STAGE_FOLDER-}" ]; then
        mkdir -p "$STAGE_FOLDER"
        passed=$STAGE_FOLDER/$(printf '%s\n' "$name" "${STAGE_COMMANDS[$name]}" "$(files_of_the_tree)" | sha256sum | cut -c1-16)
        RESULTS=$passed.results
    fi
    commit=$(commit_of_the_tree)
    if [ -n "$resume" ] && [ -e "$passed" ]; then
        read -r seconds commit < "$passed"
        printf '\n=== %s: passed before\n' "$name"
    else
        printf '\n=== %s\n' "$name"
        [ -z "$passed" ] || rm -f "$passed" "$RESULTS"
        begin=$(date +%s)
        set +e
        limited "$STAGE_LIMIT" "${STAGE_COMMANDS[$name]}"
        status=$?
        set -e
        seconds=$(($(date +%s) - begin))
        [ "$status" -ne 0 ] || [ -z "$passed" ] || printf '%s %s\n' "$seconds" "$commit" > "$passed"
    fi
    STAGES+=("$(printf '%6d s  %s' "$seconds" "$name")")
    if [ "$status" -ne 0 ]; then
        printf '\nFAILED: %s\n' "$name"
        [ "$seconds" -lt "$STAGE_LIMIT" ] || say "It was ended after $STAGE_LIMIT s: no stage may take longer."
        stage_times
        exit 1
    fi
    [ -z "${RESULT_FOLDER-}" ] || keep_result "$name" "$seconds" "$commit"
}

# Runs a command, with what it starts, for so many seconds at most.
limited() { # SECONDS COMMAND
    local group watch status
    # With job control each has a process group of its own.
    set -m
    (set +m; set -e; eval "$2") < /dev/null &
    group=$!
    (sleep "$1"; kill -- "-$group") 2> /dev/null &
    watch=$!
    set +m
    trap 'kill -- "-$group" "-$watch" 2> /dev/null; exit 130' INT TERM
    wait "$group"
    status=$?
    trap - INT TERM
    kill -- "-$watch" 2> /dev/null
    wait "$watch" 2> /dev/null
    return "$status"
}

# The file that keeps the result of a stage.
result_file() { # NAME
    printf '%s/%s.md' "$RESULT_FOLDER" "$(printf '%s' "$1" | tr -cs '[:alnum:].' - | tr '[:upper:]' '[:lower:]')"
}

# Its first line says of what it is.
keep_result() { # NAME SECONDS COMMIT
    mkdir -p "$RESULT_FOLDER"
    {
        printf '<!-- %s: %s s, commit %s -->\n' "$@"
        [ ! -e "${RESULTS-}" ] || cat "$RESULTS"
    } > "$(result_file "$1")"
}

# All results that are kept, in the order of the stages, and of which commit each is.
all_results() {
    local name file row
    for name in "${STAGE_NAMES[@]}"; do
        file=$(result_file "$name")
        [ ! -e "$file" ] || tail -n +2 "$file"
    done
    printf '\n## Stages\n\n| stage | commit | seconds |\n|---|---|---:|\n'
    for name in "${STAGE_NAMES[@]}"; do
        case "$name" in head:*) continue ;; esac
        file=$(result_file "$name")
        row="| $name | not run | |"
        [ ! -e "$file" ] || row=$(sed -n '1s/^<!-- \(.*\): \([0-9]*\) s, commit \(.*\) -->$/| \1 | \3 | \2 |/p' "$file")
        say "$row"
    done
}

# The commit, and whether files other than documents have changed since.
commit_of_the_tree() {
    local commit changed
    commit=$(git rev-parse --short=12 HEAD 2> /dev/null) || { say "unknown"; return; }
    changed=$(git status --porcelain -- ':!docs' ':!*.md')
    say "$commit${changed:+ with changes}"
}

# What the outcome of a stage depends on: every file of the tree but the documents.
files_of_the_tree() {
    {
        git ls-files -z -- ':!docs' ':!*.md' 2> /dev/null ||
            find . -type f ! -path './target/*' ! -path './.git/*' ! -path './docs/*' ! -name '*.md' -print0 | sort -z
    } | xargs -0 sha256sum | sha256sum
}

stage_times() {
    say
    say "Time by stage:"
    printf '%s\n' ${STAGES[@]+"${STAGES[@]}"}
}
