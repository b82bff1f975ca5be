// Package kube keeps resources in the API of Kubernetes, where Calico keeps them, so
// that calctl, calicoctl and calico-node can work on one cluster:
//
//	crd.projectcalico.org/v1   Calico's own objects, their metadata in an annotation
//	projectcalico.org/v3       the same in newer clusters, as they are
//	v1 Node                    a Node of Calico's is annotations of this
//	v1 Secret                  in one namespace
//	v1 Service, EndpointSlice  read only, for Snapshot.Services
//
// Which of the two groups a cluster has is asked once (group.go). A kind's place,
// and how its objects become text that package resources reads, is a home (home.go);
// custom.go, node.go and secret.go have the encodings, as pure functions.
//
// Writing. Every write carries the version it was made for, so that of two writers
// one is told of the conflict: a PUT for whole objects, a DELETE with a
// precondition, and for a Node a PATCH of Calico's annotations and of nothing else, so
// that no change of a kubelet's is ever taken back. What a write replaces is what the
// Get before it has read, if that was a moment ago and has the version asked for:
// applying something takes two requests, not three.
//
// Watching. All kinds are listed, and only when all lists are there is anything told:
// of an API server whose etcd has lost its data, half an answer would look like
// deletions. From there each kind is watched. Watches are not in step with each other,
// and a BGPPeer must not be seen before what it names, so a burst of changes is told when
// nothing more comes, and what names something that is not there waits a little longer.
// However a watch ends, everything is listed again: an API server on another etcd
// accepts a revision that is years away and is silent from then on.
//
// A connection that is silent is found out by HTTP/2's pings, which cost the API
// server nothing; a request has a time in which it must be answered.
//
// What has hurt others: Calico writes a Node with a PUT of all its status, made of what
// it has just read, whatever the caller had seen; labels that Kubernetes has on a Node
// can't be changed through Calico, which says that they were; client-go allows itself
// five requests a second; and its connections take 45 seconds to be found dead.
package kube
