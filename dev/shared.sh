# What the scripts that run kbench read its results with; to be sourced.
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
