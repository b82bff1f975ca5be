// Package bench measures calctl beside BIRD 2 and beside the kernel's own
// limit, in one run on one machine, and prints ratios: absolute times are a
// machine's, ratios are what to beat.
//
//	make bench
//
// A replayer in one network namespace sends pre-encoded UPDATEs (250 prefixes
// to an attribute set) to the speaker under test in another. The clock runs
// from the first byte sent until the last route is in the kernel. What looks
// for it asks the kernel for the last prefix only, which costs nothing, and
// counts all routes when it is there. Times are medians of several runs.
//
// Scenario S1 is one peer with many routes, S3 many peers with a few routes
// each, from the start of the daemon on.
//
// TestChurn is no measurement but a trial: 1,000 peers flap and change 50,000
// routes a minute, for 20 seconds or as long as -churn says (make churn: an
// hour), and in the end nothing may be wrong, grown or left over.
//
// "raw netlink" is the floor: the same routes written by a loop that does
// nothing else, many messages to a system call, one thread.
package bench
