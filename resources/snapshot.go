package resources

import "iter"

// A Snapshot is every resource at one moment, defaulted and valid. Nobody
// changes it once it is handed out.
type Snapshot struct {
	Configs map[string]*BGPConfiguration
	Peers   map[string]*BGPPeer
	Filters map[string]*BGPFilter
	Pools   map[string]*IPPool
	Nodes   map[string]*Node
	Secrets map[string]*Secret
	Blocks  map[string]*BlockAffinity
	// Services are those of Kubernetes, in no order. They are no resources, and
	// only the Kubernetes backend has any.
	Services []Service
	// Clusters is what the datastore says of itself: see Lock.
	Clusters map[string]*ClusterInformation
	// Broken lists what the datastore holds but could not be read. Where an
	// earlier good version is known, that one is in the maps above.
	Broken []Broken
}

// Broken is an entry of a datastore that could not be read.
type Broken struct {
	Key Key
	// Source is where the entry lives, such as a file name.
	Source string
	Err    error
	// Kept says that the last good version stays in force.
	Kept bool
}

// NewSnapshot returns an empty snapshot.
func NewSnapshot() *Snapshot {
	return &Snapshot{
		Configs: map[string]*BGPConfiguration{},
		Peers:   map[string]*BGPPeer{},
		Filters: map[string]*BGPFilter{},
		Pools:   map[string]*IPPool{},
		Nodes:   map[string]*Node{},
		Secrets: map[string]*Secret{},
		Blocks:  map[string]*BlockAffinity{},

		Clusters: map[string]*ClusterInformation{},
	}
}

// All goes through all resources, those of a kind together and in no order.
func (s *Snapshot) All() iter.Seq[Resource] {
	return func(yield func(Resource) bool) {
		_ = each(s.Configs, yield) && each(s.Peers, yield) && each(s.Filters, yield) &&
			each(s.Pools, yield) && each(s.Nodes, yield) && each(s.Secrets, yield) &&
			each(s.Blocks, yield) && each(s.Clusters, yield)
	}
}

func each[R Resource](of map[string]R, yield func(Resource) bool) bool {
	for _, r := range of {
		if !yield(r) {
			return false
		}
	}
	return true
}

// Get returns the resource with a key, nil when there is none.
func (s *Snapshot) Get(key Key) Resource {
	switch key.Kind {
	case KindBGPConfiguration:
		return found(s.Configs, key)
	case KindBGPPeer:
		return found(s.Peers, key)
	case KindBGPFilter:
		return found(s.Filters, key)
	case KindIPPool:
		return found(s.Pools, key)
	case KindNode:
		return found(s.Nodes, key)
	case KindSecret:
		return found(s.Secrets, key)
	case KindBlockAffinity:
		return found(s.Blocks, key)
	case KindClusterInformation:
		return found(s.Clusters, key)
	}
	return nil
}

func found[R Resource](of map[string]R, key Key) Resource {
	if r, ok := of[key.Name]; ok {
		return r
	}
	return nil
}

// Put adds r, replacing one with the same key. Only who builds a snapshot may
// call it.
func (s *Snapshot) Put(r Resource) {
	name := r.Meta().Name
	switch r := r.(type) {
	case *BGPConfiguration:
		s.Configs[name] = r
	case *BGPPeer:
		s.Peers[name] = r
	case *BGPFilter:
		s.Filters[name] = r
	case *IPPool:
		s.Pools[name] = r
	case *Node:
		s.Nodes[name] = r
	case *Secret:
		s.Secrets[name] = r
	case *BlockAffinity:
		s.Blocks[name] = r
	case *ClusterInformation:
		s.Clusters[name] = r
	}
}

// Lock says whether the datastore was locked at that moment.
func (s *Snapshot) Lock() Lock {
	if c := s.Clusters[ClusterName]; c != nil {
		return c.Lock()
	}
	return Lock{}
}
