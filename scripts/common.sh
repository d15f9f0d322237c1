# Shared by ./demo and ./check: what a fresh Debian 12 needs, and stages with their time. Sourced, not run.
# shellcheck shell=bash

set -euo pipefail

# The Rust that this code is tested with; older ones are replaced by Debian's cargo-web.
RUST_MINIMUM=1.95

RUST_PACKAGES=(cargo-web rustc-web rustfmt-web rust-web-clippy)

# What the two scripts and everything they start need. The lab asks for the same packages (a test compares).
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

STAGES=()
# Runs a command as a named stage and remembers how long it took. In a subshell and outside of any condition, so that the
# first failing command of a function ends the stage. What it appends to $RESULTS is kept with it.
#
# STAGE_FOLDER, if set, keeps what passed. With RESUME a stage that passed with the same files is not run again; with ONLY none is
# but those whose names contain it.
stage() { # NAME COMMAND...
    local name=$1 begin status seconds passed=
    shift
    case "$name" in *"${ONLY-}"*) ;; *) return 0 ;; esac
    if [ -n "${STAGE_FOLDER-}" ]; then
        mkdir -p "$STAGE_FOLDER"
        passed=$STAGE_FOLDER/$(printf '%s\n' "$name" "$*" "$(files_of_the_tree)" | sha256sum | cut -c1-16)
        RESULTS=$passed.results
    fi
    if [ -n "${RESUME-}" ] && [ -e "$passed" ]; then
        seconds=$(cat "$passed")
        printf '\n=== %s: passed before\n' "$name"
    else
        printf '\n=== %s\n' "$name"
        [ -z "$passed" ] || rm -f "$passed" "$RESULTS"
        begin=$(date +%s)
        set +e
        (set -e; "$@")
        status=$?
        set -e
        seconds=$(($(date +%s) - begin))
        [ "$status" -ne 0 ] || [ -z "$passed" ] || printf '%s\n' "$seconds" > "$passed"
    fi
    STAGES+=("$(printf '%6d s  %s' "$seconds" "$name")")
    if [ "${status:-0}" -ne 0 ]; then
        printf '\nFAILED: %s\n' "$name"
        stage_times
        exit 1
    fi
    [ ! -e "${RESULTS-}" ] || ALL_RESULTS+=("$RESULTS")
}
ALL_RESULTS=()

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
