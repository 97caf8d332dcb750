# What the scripts that run kbench and measure have in common; to be sourced.
# shellcheck shell=bash

# A result.json as lines of path and value; it is written with one field a line.
flat() {
  awk '
    { sub(/^ +/, ""); sub(/,$/, "") }
    /^[]}]$/ { depth--; next }
    {
      key = ""; value = $0
      if (match($0, /^"[^"]*": /)) {
        key = substr($0, 2, RLENGTH - 4); value = substr($0, RLENGTH + 1)
      } else if (depth > 0) key = count[depth]++
      if (value == "{" || value == "[") { name[++depth] = key; count[depth] = 0; next }
      path = ""
      for (level = 2; level <= depth; level++) path = path name[level] "."
      print path key "\t" value
    }' "$1"
}

die() {
  printf 'dev/%s: %s\n' "${0##*/}" "$1" >&2
  exit "${2:-1}"
}

# Runs the scenario of standard input with $kbench; its flat result lies in $work/flat then. The run
# may be flagged or invalid; false where it left no result at all.
run_flat() {
  rm -rf "$work/runs" "$work/flat"
  "$kbench" run - --out "$work/runs" --quiet "$@" >"$work/out" 2>"$work/err" || true
  local result
  result=$(find "$work/runs" -name result.json 2>/dev/null | head -n 1)
  [[ -n $result ]] && flat "$result" >"$work/flat"
}

# The same; without a result it says why, and is the end.
must_run_flat() {
  run_flat "$@" || {
    tail -n 5 "$work/err" >&2
    die "no result: kbench run - $*"
  }
}

# Sets $cluster and $bootstrap: the cluster in $dir, or one of its own that `end_cluster` stops.
begin_cluster() {
  if [[ -z $cluster ]]; then
    cluster=$work/kafka
    dev/kafka start --dir "$cluster" --brokers 1 >/dev/null || die 'no broker came up'
  fi
  # shellcheck disable=SC2034 # the scripts' own
  bootstrap=$(sed -n 's/^bootstrap=//p' "$cluster/cluster" 2>/dev/null | tail -n 1) || true
  [[ -n $bootstrap ]] || die "$cluster: no cluster of dev/kafka is there" 2
}

end_cluster() {
  [[ -n $dir || -z $cluster ]] || dev/kafka stop "$cluster" >/dev/null 2>&1 || true
}
