package resources

import "net/netip"

// A Service is what routing needs to know of a Service of Kubernetes and of its
// EndpointSlices. It is no Resource: nobody applies one, and calctl has no table of
// them. The Kubernetes backend puts them into its Snapshots; no other datastore has any.
//
// Of Services there are those of type ClusterIP, NodePort and LoadBalancer that have
// a cluster IP (spec.clusterIP is neither empty nor None) and at least one
// EndpointSlice, with endpoints or without. The others, such as headless ones, are
// left out: they have no address to be told of.
type Service struct {
	Namespace, Name string
	// ClusterIPs are spec.clusterIPs, or spec.clusterIP alone where there are none.
	ClusterIPs []netip.Addr
	// ExternalIPs are spec.externalIPs.
	ExternalIPs []netip.Addr
	// LoadBalancerIPs are the ip of status.loadBalancer.ingress; entries with a
	// hostname only have none. spec.loadBalancerIP has no part in it: it is a wish.
	LoadBalancerIPs []netip.Addr
	// ExternalTrafficPolicy is spec.externalTrafficPolicy: Cluster, Local, or empty.
	ExternalTrafficPolicy string
	// IPv4 and IPv6 are the endpoints that are ready, by the addressType of their
	// EndpointSlice; those of type FQDN have no part in it.
	IPv4, IPv6 Endpoints
}

// Endpoints are the endpoints of a Service in one family that are ready: conditions.ready
// is true or is not there (as the API of Kubernetes has it). What is only serving or is
// terminating is not among them.
type Endpoints struct {
	// Any says that there is one, wherever it is.
	Any bool
	// Nodes are the names of the Calico nodes that have one (nodeName), sorted, each
	// once. An endpoint without a nodeName is on none.
	Nodes []string
}
