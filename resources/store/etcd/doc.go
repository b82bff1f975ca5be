// Package etcd keeps resources in an etcd v3 cluster, under the keys and in the
// words of Calico, so that calctl and calicoctl can work on one datastore:
//
//	/calico/resources/v3/projectcalico.org/bgppeers/rack1
//	{"kind":"BGPPeer","apiVersion":"projectcalico.org/v3","metadata":{"name":"rack1",…},"spec":{…}}
//
// Secrets, which Calico takes from Kubernetes, lie beside them under secrets/.
// BlockAffinities are read where Calico's IPAM has them, below /calico/ipam/v2/host/,
// in other words (affinity.go); nobody writes them here.
// The version of a resource is its key's ModRevision, which is not in the value.
//
// Writing. Every write is one transaction that compares the revision it has
// read: of two writers one is told of the conflict. Fields calctl does not know
// stay as they are (resources.EncodeStored). There is no lock over several
// resources: etcd is no store.Locker.
//
// Asking. The client is made when it is first needed, since etcd may be down
// when a node starts. gRPC looks for an endpoint that answers for as long as a
// request may take; then the error says what happened at the endpoints, which
// the client library itself keeps to itself.
//
// Watching. One transaction reads all kinds at one revision. From there on each
// kind is watched: one watch of everything would carry Calico's workload
// endpoints as well. Watches are not in step with each other, and a BGPPeer must
// not be seen before the filter it names. So when a burst of changes is over, the
// watches are asked how far they are (a progress request), and only when all have
// come past the last change is it told.
//
// The client library resumes watches by itself, and must not be left to it: an
// etcd that has lost its data resumes at a revision that is years away, in
// silence. So whenever the connection is lost, and when nothing has been heard
// for six seconds in spite of asking every two, the watches end; trouble is
// noted; and all is read again as soon as somebody answers, at most a second
// after etcd is back. The same is done when the revision we were to go on from
// was compacted away.
//
// What has hurt others: calicoctl, and everything else built on the client
// library without a deadline, hangs for ever when no endpoint answers; a watch
// on a member that lost its leader is silent (WithRequireLeader); gRPC waits up
// to two minutes between attempts to connect; and keepalives more often than
// every five seconds are punished by the server with GOAWAY.
package etcd
