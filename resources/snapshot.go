package resources

// A Snapshot is every resource at one moment, defaulted and valid. Nobody
// changes it once it is handed out.
type Snapshot struct {
	Configs map[string]*BGPConfiguration
	Peers   map[string]*BGPPeer
	Filters map[string]*BGPFilter
	Pools   map[string]*IPPool
	Nodes   map[string]*Node
	Secrets map[string]*Secret
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
	}
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
	}
}
