// Package fib keeps the kernel's routes as they are wanted. It knows nothing
// of BGP: destinations and next hops come in by Want, routes go out by netlink,
// and Host says what else the kernel has.
//
// The Syncer is one loop. For each destination it knows what is wanted and what
// the kernel has, both as small numbers of shared sets, some 60 octets a route (table).
// A turn of the loop takes what came in (inbox), hears what happened in the kernel
// (scan), finds the hops of next hops whose ground has moved (facts, resolve),
// decides what to do for at most 4096 destinations that wait (plan) and writes it
// (round, wire, netlink). Everything but the last is free of system calls and
// is tested with a map for a kernel. When many new routes wait, the next ones are taken
// in and planned while the kernel takes these.
//
// Where the kernel has next-hop objects, routes name one instead of spelling out
// their hops (objects): they are written faster, and when all routes of one set of
// hops are to go by another one, because a peer is lost or the way to a next hop
// changes, the object is turned and takes them with it (turn). If some of them go
// elsewhere, those are written first. Whoever wants
// routes says where a batch ends (WantPart), so that "all" means something. Where
// an object can't be had, routes are plain; both kinds are adopted as they are found.
//
// Ours is every route with our protocol. Each has its own metric, by which the kernel
// tells those to one destination apart: for another metric a route is added, then the
// one before is deleted; until then it is a stray (stray), as what an earlier run or
// somebody's hand has put beside ours.
//
// Next hops need not be neighbours. They are found by the longest match among the
// routes that are not ours, so that no route can come to depend on itself, and those
// that resources ask for (ground). A link without carrier leads nowhere. What can't be
// reached is a dead end, which the kernel is told as well: it must not go by a shorter
// match. Reach tells BGP the same, before it decides for a path.
//
// The kernel tells what others do to its table, and a route of ours that is
// deleted is back within a millisecond or so. What it does not tell is found by
// reading everything: when a link or an address goes, when events were lost, and
// once in a while for no reason. A route found as it should be is not touched, so a
// restarted program takes over without a lost packet; what an earlier run has left
// is deleted after Settled only. Nothing is deleted on exit.
//
// What has hurt others here, and us:
//   - One system call and one acknowledgement a route: BIRD and kube-router spend
//     most of their time there. We acknowledge batches; errors come by themselves.
//   - Writing all routes anew at each event, as kube-router did, is O(n²) when the
//     table fills; one that only ever writes never deletes what a crash left.
//   - Two daemons on one table fought: 150,000 events in five seconds. There is one
//     (owner), and whoever else fights gets ever slower answers (contest).
//   - Sweeping old routes at the start is a gap at every restart.
//   - Our own writes come back as events and drown the others': a socket filter
//     drops them inside the kernel, by the port they carry (nlmsg_pid).
//   - IPv4 routes go with their link or its last address, and nobody is told.
//     Links may be back before we look: a scan follows, whatever the facts say.
//   - RTM_DELLINK with family AF_BRIDGE is a port leaving its bridge, not the end.
//   - Replace takes the first route with equal destination and metric, whatever its
//     protocol, in IPv6 with all its siblings: so Add with NLM_F_EXCL, and Replace
//     only where the place is known to be ours.
//   - IPv4 takes metric 0 for any when it deletes; IPv6 makes 1024 of it when it adds.
//   - IPv6 merges routes of equal metric into one, tells of single hops leaving, and
//     may stop half way through a replacement: then we don't know until we look.
//   - IPv6 looks gateways up among all routes, ours included: a BGP route over its
//     own next hop needs the word that the gateway is on the link (RTNH_F_ONLINK).
//   - Connected IPv6 networks have metric 256 and lose to what has a lower one: such
//     routes are not installed.
//   - Objects go with their link, with its carrier even, and all routes that name
//     them: nobody tells of it.
//   - Deleting an object deletes its routes. So only those go that no route named
//     since a complete scan (Tidy), and who turns one must know all who name it:
//     parts of groups are never named by routes.
//   - An IPv6 route by object and a plain one of equal metric stand side by side.
//   - Deleting IPv4 routes in the order of their prefixes costs three times the
//     system time of deleting them at random: removals are scattered (scatter).
//   - IPv6 leaves routes out of a dump, and tells others twice, when its table changes
//     meanwhile, without a word: it is asked again, and twice the same is once.
//   - A dump may be torn (NLM_F_DUMP_INTR), an answer may never come, and a socket
//     whose buffer overflowed is deaf until it is read empty.
package fib
