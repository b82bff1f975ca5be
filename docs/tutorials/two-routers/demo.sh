#!/bin/sh
# Two BGP routers on this machine, each a network namespace with a calctl node
# in it, joined by a veth pair:
#
#   10.1.0.1/24 -- r1 192.168.1.1 ------ 192.168.1.2 r2 -- 10.2.0.1/24
#                  AS 64512                   AS 64513
#
# Applies r1.yaml and r2.yaml, waits for the session, shows what both nodes and
# both kernels know, and pings across. Everything is gone again at the end.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$here/../../..
calctl=${CALCTL:-$top/bin/calctl}
PATH=$PATH:/usr/sbin:/sbin

die() { echo "demo: $*" >&2; exit 1; }

[ "$(uname -s)" = Linux ] || die "network namespaces need Linux"
[ "$(id -u)" = 0 ] || die "network namespaces need root: sudo make demo"
[ -x "$calctl" ] || die "no calctl at $calctl: run make build"
"$top/.ci/deps" "ip:iproute2 ping:iputils-ping"

tmp=$(mktemp -d)
tag=demo$$
pids=""
cleanup() {
	for pid in $pids; do kill "$pid" 2>/dev/null || true; done
	for pid in $pids; do wait "$pid" 2>/dev/null || true; done
	ip netns del "$tag-r1" 2>/dev/null || true
	ip netns del "$tag-r2" 2>/dev/null || true
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

ip netns add "$tag-r1" 2>"$tmp/netns" || die "this machine lets us make no network namespaces: $(cat "$tmp/netns")"
ip netns add "$tag-r2"
ip link add eth0 netns "$tag-r1" type veth peer name eth0 netns "$tag-r2"
for n in 1 2; do
	ip -n "$tag-r$n" link set lo up
	ip -n "$tag-r$n" link set eth0 up
	ip -n "$tag-r$n" addr add "192.168.1.$n/24" dev eth0
	# The network behind the router: a veth pair with nothing at the other end.
	ip -n "$tag-r$n" link add lan0 type veth peer name lan1
	ip -n "$tag-r$n" link set lan0 up
	ip -n "$tag-r$n" link set lan1 up
	ip -n "$tag-r$n" addr add "10.$n.0.1/24" dev lan0
done

# on N COMMAND...: runs calctl on router N, in the place of the shell that calls
# it: (on 1 get nodes) waits for the command, (on 1 node run) & has its process id.
on() {
	n=$1
	shift
	exec ip netns exec "$tag-r$n" env CALCTL_DATASTORE="$tmp/r$n" CALCTL_SOCKET="$tmp/r$n.sock" "$calctl" "$@"
}
show() { printf '\n\033[1mr%s# %s\033[0m\n' "$1" "$2"; }

for n in 1 2; do
	show $n "calctl apply -f r$n.yaml"
	(on $n apply -f "$here/r$n.yaml")
	show $n "calctl node run --name r$n &"
	(on $n node run --name "r$n") >"$tmp/r$n.log" 2>&1 &
	pids="$pids $!"
done

tries=0
until (on 1 node status --fail-on-down) >/dev/null 2>&1 && (on 2 node status --fail-on-down) >/dev/null 2>&1 &&
	ip -n "$tag-r1" route show 10.2.0.0/24 | grep -q via && ip -n "$tag-r2" route show 10.1.0.0/24 | grep -q via; do
	tries=$((tries + 1))
	if [ $tries -gt 300 ]; then
		cat "$tmp"/r?.log >&2
		die "the session did not come up within 30 seconds; the nodes' logs are above"
	fi
	sleep 0.1
done

for n in 1 2; do
	show $n "calctl node status"
	(on $n node status)
	show $n "ip route"
	ip -n "$tag-r$n" route
done
show 1 "ping -c 3 10.2.0.1"
ip netns exec "$tag-r1" ping -c 3 -i 0.2 -I 10.1.0.1 10.2.0.1
