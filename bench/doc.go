// Package bench measures calctl beside BIRD 2, beside FRR and beside the
// kernel's own limit, in one run on one machine, and prints ratios: absolute
// times are a machine's, ratios are what to beat.
//
//	make bench
//	go test ./bench -run '^$' -bench S2 -benchtime 1x -runs 1
//
// The speaker under test runs in a network namespace of its own; its peers are
// replayers in another, which send UPDATEs encoded before (250 prefixes to an
// attribute set) and understand just enough to be peers. All speakers have the
// same neighbours, accept everything, put it into the kernel with all equal
// next hops, as Calico has BIRD do it, and tell nothing, except in S6.
//
//	S1  one peer, many routes: first UPDATE to last route in the kernel
//	S2  two peers with the same routes, one better: both loaded; the better one
//	    dies and the kernel has all routes by the other
//	S3  many peers, a few routes each: start of the daemon to all in the kernel,
//	    and the CPU it then uses for nothing
//	S4  one peer withdraws everything
//	S5  ten peers with the same routes: all in the kernel by the best of them,
//	    or by all ten
//	S6  reflect routes of one client to many: first UPDATE until all have all
//	S7  a node in a cluster of many, on each datastore: the CPU it uses when nothing
//	    happens, and when a resource of another node changes once a second; calctl
//	    alone. With -tags kube on an API server too
//
// What looks for routes asks the kernel for some of them, which costs nothing,
// and reads its whole table when it has found all of those. A time is over when
// that says so too. Runs go round the speakers in turn; the one with the median
// time is shown, with its CPU time and its peak of resident memory. FRR is
// zebra and bgpd together.
//
// TestChurn is no measurement but a trial: 1,000 peers flap and change 50,000
// routes a minute, for 20 seconds or as long as -churn says (make churn: an
// hour), and in the end nothing may be wrong, grown or left over.
//
// "raw netlink" is the floor: the same routes written by a loop that does
// nothing else, many messages to a system call, one thread.
package bench
