# What ./check --full adds; ./check sources this file. It leaves the result of each stage in
# docs/full-check/, and all results in docs/full-check.md.
# shellcheck shell=bash

# Into the file of the stage that runs.
result() { printf '%s\n' "$*" >> "$RESULTS"; }

# A tree of Xen to change, out of XENHEAP_XEN_GIT.
unpack_revision() { # REVISION FOLDER
    rm -rf "$2" && mkdir -p "$2"
    git -C "$XENHEAP_XEN_GIT" archive "$1" | tar x -C "$2"
}

# One row a boot: what the report says of itself and of the run.
summarize() { # NAME RUN
    "$XENHEAP" report --format json "$2" > "$2/report.json" 2> /dev/null
    python3 - "$1" "$2" >> "$RESULTS" <<'PYTHON'
import json, os, sys
name, run = sys.argv[1:]
report = json.load(open(f"{run}/report.json"))
size = os.path.getsize(f"{run}/console.log")
checks = [check["outcome"] for check in report["checks"]]
live = sum(kind["counters"]["live_bytes"] for kind in report["totals"].values())
print(f"| {name} | {report['facts']['xen']} | {report['facts']['events']} | {len(report['findings'])} | {live} | {size} "
      f"| {checks.count('ok')} ok, {checks.count('failed')} failed, {checks.count('not-applicable')} n.a. |")
PYTHON
}

boot_4_20() {
    boot debian:4.20 trace,warn,summary "$RUNS/4.20"
    real_run "$RUNS/4.20"
    real_log "$RUNS/4.20"
    summarize "4.20, trace,warn,summary" "$RUNS/4.20"
    graph "$RUNS/graph-4.20" "$RUNS/4.20" debian:4.20
    coverage "$RUNS/graph-4.20" "$RUNS/4.20"
}

# A guest that Xen itself starts must have done its part, or the lab fails.
dom0less() {
    local version
    for version in 4.17 4.20; do
        boot "debian:$version" trace,warn,summary "$RUNS/$version-dom0less" --arch arm64 --workload dom0less
        real_run "$RUNS/$version-dom0less"
        XENHEAP_RUN=$RUNS/$version-dom0less cargo test --locked -q -p xenheap --features real-run --test dom0less_run
        summarize "$version for arm64, dom0less" "$RUNS/$version-dom0less"
    done
}

# A configuration meant for safety, in a machine without dom0, judged end to end: fewer interfaces,
# and none of what they allocate. One line is the tree's own, the other is given.
safe_configuration() {
    local tree=$RUNS/safe-tree config=(--arch arm64 --config CONFIG_SYSCTL=n)
    unpack_revision staging "$tree"
    printf '# CONFIG_EVTCHN_FIFO is not set\n' > "$tree/xen/.config"
    "$XENHEAP" instrument --check "$tree" > "$RUNS/instrument.txt"
    boot "$tree" trace,summary "$RUNS/safe" --workload static "${config[@]}"
    static_run "$RUNS/safe" 2
    "$XENHEAP" graph build --install "$tree" --out-dir "$RUNS/graph-safe" "${config[@]}"
    coverage "$RUNS/graph-safe" "$RUNS/safe"
    if grep -q evtchn_fifo "$RUNS/graph-safe/coverage.txt"; then die "the configuration has FIFO event channels"; fi
    if grep -q do_sysctl "$RUNS/graph-safe/coverage.txt"; then die "the configuration has sysctl"; fi
    summarize "staging for arm64, without FIFO event channels, sysctl and dom0" "$RUNS/safe"
}

# Memory with cache colours: such pages are in lists of their own, which Xen's total of free pages
# does not count.
coloured_memory() {
    boot "$XENHEAP_XEN_GIT@staging" trace,summary "$RUNS/coloured" --arch arm64 --config CONFIG_LLC_COLORING=y \
        --xen-arg llc-coloring=on --xen-arg llc-size=1M --xen-arg llc-nr-ways=16
    grep -aq ' Y .* colored_alloc=[1-9]' "$RUNS/coloured/console.log" || die "no coloured page was allocated"
    "$XENHEAP" report --strict "$RUNS/coloured" > "$RUNS/coloured/report.txt"
    summarize "staging for arm64, coloured memory" "$RUNS/coloured"
}

# A copy of staging in which a function has another name: the recorder omits the part that hooks
# into this function, and all else works. If an allocator has another name, the tree is refused.
renamed_functions() {
    local tree=$RUNS/renamed-tree run=$RUNS/renamed before
    unpack_revision staging "$tree"
    rename sched_move_domain sched_shift_domain
    "$XENHEAP" instrument --check "$tree" | grep 'left out  moves: '
    boot "$tree" trace,summary "$run"
    grep -aq ' V .* lacks=moves' "$run/console.log" || die "the first record does not name the part that is left out"
    real_run "$run"
    grep 'moves' "$run/report.txt"
    summarize "staging with a renamed hook" "$run"

    rename free_xenheap_pages give_xenheap_pages
    before=$(find "$tree" -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)
    if "$XENHEAP" instrument "$tree" > "$tree.txt" 2>&1; then die "a tree without an allocator is taken"; fi
    grep 'does not define free_xenheap_pages' "$tree.txt"
    [ "$before" = "$(find "$tree" -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)" ] || die "the tree was changed"
}

rename() { # OLD NEW, in $tree
    grep -rlwZ "$1" "$tree/xen" | xargs -0 sed -i "s/\\b$1\\b/$2/g"
}

# Domains pay for what is allocated. The recorder's accounts must be equal to the sum of its events,
# and to the result of `plan` for the same boot.
charging() {
    local payer
    for payer in current owner; do
        boot debian:4.17 trace,summary "$RUNS/charge-$payer" --workload guests --payer "$payer"
        XENHEAP_RUN=$RUNS/charge-$payer cargo test --locked -q -p xenheap --features real-run \
            --test plan_charged --test charge_run
        summarize "4.17 with guests, charged to the $payer domain" "$RUNS/charge-$payer"
    done
}

# Two allocations fail on purpose, each in a boot of its own. A second run tries none again, and has
# the same result.
sweep() {
    rm -rf "$RUNS/sweep"
    "$XENHEAP" sweep run --max-count 2 --out-dir "$RUNS/sweep" --format json > "$RUNS/sweep.json"
    "$XENHEAP" sweep run --max-count 2 --out-dir "$RUNS/sweep" --format json --max-time 1s | cmp - "$RUNS/sweep.json"
    python3 - "$RUNS/sweep" <<'PYTHON'
import json, sys
place = sys.argv[1]
trials = json.load(open(f"{place}.json"))["trials"]
assert len(trials) == 2, trials
for trial in trials:
    log = open(f"{place}/logs/{trial['hash']}.log", errors="replace").read()
    assert trial["result"]["failed"]["target"] == trial["hash"] + ":1", trial
    assert f" I {trial['hash']} 1 " in log, trial
PYTHON
    "$XENHEAP" sweep merge "$RUNS/sweep" | tee -a "$RUNS/sweep.txt"
}

# Each mode alone: the report agrees with the hypervisor. (Two boots are not alike to the byte; the
# modes are compared with each other in the one boot that has them all.) And off is off.
each_mode() {
    local mode
    for mode in trace warn summary; do
        boot debian:4.17 "$mode" "$RUNS/4.17-$mode"
        "$XENHEAP" report --strict "$RUNS/4.17-$mode" > /dev/null
        summarize "4.17, $mode" "$RUNS/4.17-$mode"
    done
    boot debian:4.17 off "$RUNS/4.17-off"
    if grep -aq HA1 "$RUNS/4.17-off/console.log"; then die "heap-audit=off prints records"; fi
    result "| 4.17, off | | 0 | | | $(stat -c %s "$RUNS/4.17-off/console.log") | no record in the log |"
}

# How well a graph knows its build: a row of the table in the results.
recall_row() { # NAME GRAPH
    "$XENHEAP" graph recall --format json "$2" > "$2/recall.json"
    python3 - "$1" "$2/recall.json" >> "$RESULTS" <<'PYTHON'
import json, sys
recall = json.load(open(sys.argv[2]))
indirect = recall["indirect"]
targets = indirect["targets"]
landing = f"{recall['landing']:.2f} % of {indirect['landings']}" if indirect["landings"] else "none"
print(f"| {sys.argv[1]} | {landing} | {recall['resolved']:.2f} % of {indirect['sites'] - indirect['firmware'] - indirect['uncalled']} "
      f"({indirect['with_targets']} with targets) | {targets['mean']:.2f} | {targets['median']} |")
PYTHON
}

# Graphs of other builds, each held to the same figures: a version with landing pads, its debug
# build, one as it is shipped (clones, no frame pointers), one by the compiler of Debian 13.
more_graphs() {
    local tree
    graph "$RUNS/graph-4.20" "$RUNS/4.20" debian:4.20
    graph "$RUNS/graph-4.20-debug" "" debian:4.20 --config CONFIG_DEBUG=y --config CONFIG_XEN_IBT=y
    graph "$RUNS/graph-release" "" debian:4.17 --no-recorder --config CONFIG_DEBUG=n --config CONFIG_FRAME_POINTER=n
    tree=$("$XENHEAP" lab fetch debian:4.17)
    scripts/build-with-debian13 "$tree" "$RUNS/debian13"
    graph "$RUNS/graph-debian13" "" --build "$RUNS/debian13/xen"
    result
    result "## Call graphs: \`xenheap graph recall GRAPH\`"
    result
    result "| build | landing pads that an edge reaches | sites resolved, without firmware and uncalled code | targets, mean | median |"
    result "|---|---|---|---:|---:|"
    recall_row "4.17, as the lab boots it" "$RUNS/graph"
    recall_row "4.17, debug" "$RUNS/graph-debug"
    recall_row "4.17, without recorder and frame pointers" "$RUNS/graph-release"
    recall_row "4.17, gcc of Debian 13" "$RUNS/graph-debian13"
    recall_row "4.17 for arm64" "$RUNS/graph-arm64"
    recall_row "4.20, as the lab boots it" "$RUNS/graph-4.20"
    recall_row "4.20, debug" "$RUNS/graph-4.20-debug"
}

# Today's Xen, from XENHEAP_XEN_GIT (a clone of Xen's git): no code of it is here. Debug and release
# of each, staging for arm64, too.
new_graphs() {
    local branch tree kind
    [ -n "${XENHEAP_XEN_GIT:-}" ] || die "XENHEAP_XEN_GIT names no clone of Xen's git"
    result
    result "## Call graphs of today's Xen: \`xenheap graph recall GRAPH\`"
    result
    result "| build | landing pads that an edge reaches | sites resolved, without firmware and uncalled code | targets, mean | median |"
    result "|---|---|---|---:|---:|"
    for branch in stable-4.21 stable-4.22 staging; do
        tree=$RUNS/tree-$branch
        unpack_revision "$branch" "$tree"
        for kind in y n; do
            new_graph "$branch, CONFIG_DEBUG=$kind" "$RUNS/graph-$branch-$kind" "$tree" --config "CONFIG_DEBUG=$kind"
        done
    done
    new_graph "staging for arm64" "$RUNS/graph-staging-arm64" "$RUNS/tree-staging" --arch arm64
}

new_graph() { # NAME GRAPH TREE [OPTIONS of graph build]
    graph "$2" "" "$3" --no-recorder "${@:4}"
    recall_row "$1" "$2"
}

# The number of paths is that of all of them, listed one by one.
real_paths() {
    "$XENHEAP" graph build debian:4.17 --sources ci --out-dir "$RUNS/graph-ci"
    XENHEAP_CI_GRAPH=$RUNS/graph-ci cargo test --locked -q --release -p xenheap-callgraph --features real-run --test real_paths -- --nocapture
}

# The lines of the workflow build and boot the tree they stand in.
workflow() {
    XENHEAP_TREE=$("$XENHEAP" lab fetch debian:4.17) cargo test --locked -q -p xenheap --test ci_files -- --ignored the_workflow
}

large_log() {
    result
    result "## A large log: \`scripts/bench-large-log\`"
    result
    scripts/bench-large-log "$RUNS/4.17" | tee -a "$RESULTS"
}

# A patch puts two leaks and a late free into a copy of Xen. Compared with the same run without the
# patch, exactly these two leaks must be found.
planted_leaks() {
    local tree=$RUNS/planted-tree
    rm -rf "$tree"
    cp -r "$("$XENHEAP" lab fetch debian:4.17)" "$tree"
    git -C "$tree" apply "$PWD/testdata/planted/leaks-4.17.patch"
    boot debian:4.17 trace,summary "$RUNS/churn" --workload churn --cycles 6
    boot "$tree" trace,summary "$RUNS/churn-planted" --workload churn --cycles 6
    XENHEAP_CLEAN=$RUNS/churn XENHEAP_PLANTED=$RUNS/churn-planted \
        cargo test --locked -q -p xenheap --features real-run --test planted_leak
    summarize "4.17, churn of 6 cycles" "$RUNS/churn"
    summarize "4.17, the same with two planted leaks" "$RUNS/churn-planted"
}

# Xen's own tools read the settings that follow from a plan, and guests boot with them.
plan_settings() {
    rm -rf "$RUNS/plan"
    "$XENHEAP" plan "$RUNS/guests" --memory d1=192 --memory d2=192 --memory d3=192 --out-dir "$RUNS/plan"
    scripts/plan-workload "$RUNS/plan" > "$RUNS/plan/settings.sh"
    boot debian:4.17 trace,summary "$RUNS/plan-settings" --workload "$RUNS/plan/settings.sh"
    summarize "4.17, guests with the settings of a plan" "$RUNS/plan-settings"
}

# A workload on a revision of Xen that Debian has no toolstack for.
guests_of() { # REVISION WORKLOAD
    local run=$RUNS/$1-$2
    boot "$XENHEAP_XEN_GIT@$1" trace,summary "$run" --workload "$2"
    XENHEAP_RUN=$run cargo test --locked -q -p xenheap --features real-run --test toolstack_run
    real_run "$run"
    case "$2" in
        guests) XENHEAP_RUN=$run cargo test --locked -q -p xenheap --features real-run --test guests_run ;;
        stress) stress_run "$run" ;;
        hotplug) hotplug_run "$run" ;;
    esac
    summarize "$1, $2" "$run"
}

# The same for what needs no toolstack.
boot_of() { # REVISION ARCH WORKLOAD
    local run=$RUNS/$1-$2-$3
    boot "$XENHEAP_XEN_GIT@$1" trace,warn,summary "$run" --arch "$2" --workload "$3"
    real_run "$run"
    if [ "$3" = dom0less ]; then
        XENHEAP_RUN=$run cargo test --locked -q -p xenheap --features real-run --test dom0less_run
    fi
    summarize "$1 for $2, $3" "$run"
}

# The graph of the very build that ran: every recorded pair is an edge, every stack is laid.
graph_of() { # REVISION ARCH WORKLOAD...
    local revision=$1 arch=$2 folder=$RUNS/graph-$1-$2-recorder runs='' workload
    shift 2
    for workload in "$@"; do
        case "$workload" in
            boot | dom0less) runs+=" $RUNS/$revision-$arch-$workload" ;;
            *) runs+=" $RUNS/$revision-$workload" ;;
        esac
    done
    graph "$folder" "${runs# }" "$XENHEAP_XEN_GIT@$revision" --arch "$arch"
    coverage "$folder" "${runs# }"
    coverage_row "$revision for $arch: $*" "$folder" "${runs# }"
}

# What the runs have shown of a graph: a row of the table in the results.
coverage_row() { # NAME GRAPH "RUNS"
    # shellcheck disable=SC2086 # several runs
    "$XENHEAP" graph recall --format json "$2" $3 > "$2/recall-runs.json"
    # shellcheck disable=SC2086
    "$XENHEAP" coverage --format json "$2" $3 > "$2/coverage.json"
    python3 - "$1" "$2" >> "$RESULTS" <<'PYTHON'
import collections, json, sys
name, graph = sys.argv[1:]
recall = json.load(open(f"{graph}/recall-runs.json"))
coverage = json.load(open(f"{graph}/coverage.json"))
runs = recall["runs"]
direct = sum(run["direct"] for run in runs)
share = min(run["share"] for run in runs)
states = collections.Counter(site["state"] for site in coverage["sites"])
laid = sum(run["laid"] for run in coverage["runs"])
allocating = sum(run["allocating"] for run in coverage["runs"])
print(f"| {name} | {share:.2f} % | {laid} of {allocating} | {states['seen']} of {len(coverage['sites'])} |")
PYTHON
}

coverage_head() {
    result
    result "## Runs on the graph of their build: \`xenheap graph recall\`, \`xenheap coverage\`"
    result
    result "| build and runs | recorded pairs that are edges | stacks laid | sites of allocators seen |"
    result "|---|---|---|---|"
}

# Which revisions the recorder goes into, and what builds; docs/xen-matrix.md has the table.
matrix() { # STAGE [OPTIONS of scripts/xen-matrix]
    scripts/xen-matrix "$XENHEAP_XEN_GIT" "$@"
}

# The patch series of a revision: `git am` takes it, and Xen builds at each of its commits.
series() { # REVISION
    local revision=$1 tree=$RUNS/series-$1 commit count=0
    rm -rf "$tree"
    git init -q "$tree"
    git -C "$tree" fetch -q "$XENHEAP_XEN_GIT" "$revision"
    git -C "$tree" checkout -q FETCH_HEAD
    "$XENHEAP" instrument "$XENHEAP_XEN_GIT@$revision" --author 'A <a@example.org>' --patch - |
        git -C "$tree" -c user.name=A -c user.email=a@example.org am -q
    for commit in $(git -C "$tree" rev-list --reverse FETCH_HEAD..HEAD); do
        git -C "$tree" checkout -q "$commit"
        printf 'CONFIG_EXPERT=y\nCONFIG_HEAP_AUDIT=y\n' > "$tree/xen/.config"
        make -C "$tree/xen" -s olddefconfig > /dev/null
        grep -q '^CONFIG_HEAP_AUDIT=y$' "$tree/xen/.config" || die "commit $commit has no CONFIG_HEAP_AUDIT"
        make -C "$tree/xen" -s -j"$(nproc)" > "$tree.log" 2>&1 || { tail -30 "$tree.log"; die "commit $commit does not build"; }
        count=$((count + 1))
        say "$(git -C "$tree" log -1 --format=%s "$commit"): builds"
    done
    [ "$count" -eq 7 ] || die "the series has $count commits"
    result "| $revision | $count |"
    rm -rf "$tree"
}

series_head() {
    result
    result "## The patch series: \`git am\`, and a whole Xen for x86_64 at each commit"
    result
    result "| revision | commits that build |"
    result "|---|---:|"
}

# How many of the variants of each log came out how. The last column must be 0 throughout.
corruption_table() {
    result
    result "## Real logs, damaged: \`XENHEAP_CORRUPTION=1000000 cargo test --release -p xenheap-ledger --test corruption\`"
    result
    corruption 1000000 | tee "$RUNS/corruption.txt"
    grep '^|' "$RUNS/corruption.txt" >> "$RESULTS"
}

overhead() {
    result
    result "## What the recorder costs a boot: \`scripts/bench-overhead\`"
    result
    scripts/bench-overhead "$RUNS/overhead" | tee -a "$RESULTS"
}

benches() {
    result
    result "## Benches: \`cargo bench\`"
    result
    result '```'
    cargo bench --locked -q -p xenheap-console --bench scan | tee -a "$RESULTS"
    cargo bench --locked -q -p xenheap-ledger --bench events | tee -a "$RESULTS"
    cargo bench --locked -q -p xenheap-recorder --bench core | tee -a "$RESULTS"
    cargo bench --locked -q -p xenheap-callgraph --bench load -- "$RUNS/debian13/xen" | tee -a "$RESULTS"
    cargo bench --locked -q -p xenheap-callgraph --bench paths -- "$RUNS/graph" | tee -a "$RESULTS"
    result '```'
}

# Each for five minutes, two side by side. What one finds ends the stage.
fuzzing() { # TARGET...
    scripts/fuzz --seconds 300 "$@" | tee "$RUNS/fuzz.txt"
    sed -n '/^Each target for /,$p' "$RUNS/fuzz.txt" >> "$RESULTS"
    result
}

licences() {
    command -v cargo-deny > /dev/null || cargo install --locked -q --root "$XENHEAP_CACHE/tools" cargo-deny
    PATH=$XENHEAP_CACHE/tools/bin:$PATH cargo deny --locked check licenses bans sources
    PATH=$XENHEAP_CACHE/tools/bin:$PATH cargo deny --manifest-path fuzz/Cargo.toml --config "$PWD/deny.toml" \
        check licenses bans sources
    result
    result "\`cargo deny check licenses bans sources\`: clean, for the fuzz targets too."
}

write_results() {
    {
        printf '# Results of ./check --full\n\nMade by `./check --full` on %s cores; %s. Stages are run alone, resumed and sharded, and ' \
            "$(nproc)" "$(qemu-system-x86_64 --version | head -1)"
        printf 'each says of which commit its result is.\n\n'
        all_results
    } > docs/full-check.md.tmp
    mv docs/full-check.md.tmp docs/full-check.md
    say "The results are in docs/full-check.md and docs/full-check/"
}

runs_head() {
    result "## Runs to power-off of a Linux dom0"
    result
    result "| run | Xen | events | findings | live bytes | log bytes | self-checks |"
    result "|---|---|---:|---:|---:|---:|---|"
}

fuzzing_head() {
    result
    result "## Fuzzing (\`scripts/fuzz\`, fuzz/README.md)"
    result
}

# The runs that the stages before made; rows of others follow.
runs_so_far() {
    summarize "4.17, trace,warn,summary" "$RUNS/4.17"
    summarize "4.17 with guests" "$RUNS/guests"
    summarize "4.17, stress" "$RUNS/stress"
    summarize "4.17 for arm64, trace,warn,summary" "$RUNS/4.17-arm64"
}

# The heads of tables are written always, whichever of their rows there are.
head_of() {
    ONLY='' RESUME='' SHARD='' stage "$@"
    ALWAYS=$((ALWAYS + 1))
}

head_of "head: runs" runs_head
needs "build and boot Xen 4.17" "Xen 4.17 with guests" "Xen 4.17 with hostile guests" "build and boot Xen 4.17 for arm64"
stage "the numbers of the runs so far" runs_so_far
stage "build and boot Xen 4.20, and its report" boot_4_20
stage "dom0less guests on arm64" dom0less
stage "a configuration meant for safety" safe_configuration
stage "renamed functions" renamed_functions
stage "coloured memory" coloured_memory
stage "domains that pay" charging
stage "running out on purpose" sweep
stage "each mode alone" each_mode
stage "planted leaks" planted_leaks
needs "Xen 4.17 with guests"
stage "guests with the settings of a plan" plan_settings
stage "the matrix: where the recorder applies" matrix applies
stage "the matrix: heads for x86_64 and arm64" matrix builds
stage "the matrix: switched off, nothing changes" matrix unchanged
stage "the matrix: what the recorder's code is like" matrix code
stage "the matrix: configurations that once did not build" matrix named
for revision in stable-4.17 stable-4.22 staging; do
    stage "the matrix: random configurations of $revision" matrix random --only "$revision"
done
for revision in stable-4.22 staging; do
    for workload in guests churn hvm stress vcpus hotplug; do stage "$workload on $revision" guests_of "$revision" "$workload"; done
    stage "boot of $revision" boot_of "$revision" x86_64 boot
    for workload in boot dom0less; do stage "$workload of $revision for arm64" boot_of "$revision" arm64 "$workload"; done
done
head_of "head: runs on graphs" coverage_head
for revision in stable-4.22 staging; do
    needs "guests on $revision" "hvm on $revision" "stress on $revision" "boot of $revision"
    stage "the runs of $revision on its graph" graph_of "$revision" x86_64 boot guests hvm stress
    needs "boot of $revision for arm64" "dom0less of $revision for arm64"
    stage "the runs of $revision for arm64 on its graph" graph_of "$revision" arm64 boot dom0less
done
head_of "head: the patch series" series_head
for revision in stable-4.22 staging; do stage "the patch series on $revision" series "$revision"; done
needs "the call graph of that Xen" "the call graph of a debug build" "the call graph for arm64" "build and boot Xen 4.20, and its report"
stage "call graphs of other builds" more_graphs
stage "call graphs of today's Xen" new_graphs
stage "paths counted and listed" real_paths
stage "the workflow of GitHub" workflow
needs "build and boot Xen 4.17"
stage "a log of 1 GB" large_log
stage "real logs, damaged a million times" corruption_table
stage "what the recorder costs" overhead
needs "the call graph of that Xen" "call graphs of other builds"
stage "benches" benches
stage "the fuzz targets are built" scripts/fuzz --build
head_of "head: fuzzing" fuzzing_head
# A stage has an hour at most: together they would not fit into one.
needs "the fuzz targets are built"
stage "fuzzing: logs, reports and what people wrote" fuzzing scan input runfile harvest comments verdicts
needs "the fuzz targets are built"
stage "fuzzing: what a build says" fuzzing ci gimple image symbols graph csv
needs "the fuzz targets are built"
stage "fuzzing: policies and GitLab" fuzzing policy jobs archive
stage "licences" licences
write_results
