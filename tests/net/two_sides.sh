# Sourced: two bridges with a cable between them, and peers on both, each in a network namespace of its
# own. Needs root. Wants: `program`.
skip() { echo "SKIPPED: $1"; exit 77; }
[[ $(id -u) == 0 ]] || skip "network namespaces need root"
command -v ip >/dev/null || skip "there is no ip command (iproute2)"

name=murmur$$
dir=$(mktemp -d)
pids=()
cleanup() {
  for pid in "${pids[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
  wait 2>/dev/null
  for side in a b; do
    ip netns del "$name$side" 2>/dev/null || true
    for i in 0 1 2 3; do ip netns del "$name$side$i" 2>/dev/null || true; done
  done
  rm -rf "$dir"
}
trap cleanup EXIT
ip netns add "${name}a" 2>/dev/null || skip "this system has no network namespaces"

# A bridge a side, and the cable between them.
ip netns add "${name}b"
for side in a b; do
  ip -n "$name$side" link add bridge type bridge
  ip -n "$name$side" link set bridge up
done
ip -n "${name}a" link add cable type veth peer name cable netns "${name}b"
for side in a b; do ip -n "$name$side" link set cable master bridge up; done

cable() { ip -n "${name}a" link set cable "$1"; } # up or down

# Makes the place of PEER, once; prints the namespace.
place() {
  local p=$1 side=a
  [[ $p -lt 4 ]] || side=b
  local at=$name$side$((p % 4))
  if ! ip netns list | grep -q "^$at\\b"; then
    ip netns add "$at"
    ip -n "$at" link add eth0 type veth peer name "port$p" netns "$name$side"
    ip -n "$name$side" link set "port$p" master bridge up
    ip -n "$at" address add "10.77.0.$((p + 1))/24" dev eth0
    ip -n "$at" link set lo up
    ip -n "$at" link set eth0 up
  fi
  echo "$at"
}

# Peers 0 to 3 are on side a, 4 to 7 on side b; peer p has the address 10.77.0.(p+1).
start() { # PEER [FLAGS...]
  local p=$1 at
  at=$(place "$p")
  date +%s.%N >"$dir/began$p"
  ip netns exec "$at" "$program" peer --listen "10.77.0.$((p + 1)):7000" --insecure \
    "${@:2}" >"$dir/log$p" 2>&1 &
  pids[p]=$!
}
