package kube

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"

	"github.com/calctl/calctl/resources"
)

// The kinds a Service is made of. They are none of resources.Types: nobody applies them.
const (
	kindService       resources.Kind = "Service"
	kindEndpointSlice resources.Kind = "EndpointSlice"
)

// coreService is what calctl reads of a Service of Kubernetes.
type coreService struct {
	Spec struct {
		Type                  string   `json:"type"`
		ClusterIP             string   `json:"clusterIP"`
		ClusterIPs            []string `json:"clusterIPs"`
		ExternalIPs           []string `json:"externalIPs"`
		ExternalTrafficPolicy string   `json:"externalTrafficPolicy"`
	} `json:"spec"`
	Status struct {
		LoadBalancer struct {
			Ingress []struct {
				IP string `json:"ip"`
			} `json:"ingress"`
		} `json:"loadBalancer"`
	} `json:"status"`
}

// endpointSlice is what calctl reads of an EndpointSlice.
type endpointSlice struct {
	AddressType string `json:"addressType"` // IPv4, IPv6 or FQDN
	Endpoints   []struct {
		NodeName   string `json:"nodeName"`
		Conditions struct {
			Ready *bool `json:"ready"` // as good as true where it is not there
		} `json:"conditions"`
	} `json:"endpoints"`
}

// serviceLabel says which Service an EndpointSlice is of.
const serviceLabel = "kubernetes.io/service-name"

// place is where an object is that lives in a namespace.
type place struct{ namespace, name string }

// services makes Services of what the API tells of them and of their EndpointSlices,
// each of which may come first. It is for one goroutine.
type services struct {
	all map[place]*service
	of  map[place]place // the Service of each EndpointSlice
}

type service struct {
	core   *coreService // nil when only its slices are known
	slices map[string]endpointSlice
	now    *resources.Service // nil when it is none to be told of
}

func newServices() *services {
	return &services{all: map[place]*service{}, of: map[place]place{}}
}

// replace takes in all there is, and tells whether that is news.
func (s *services) replace(kinds map[resources.Kind][]json.RawMessage) (news bool) {
	next := newServices()
	for kind, items := range kinds {
		for _, raw := range items {
			next.put(kind, raw)
		}
	}
	news = !reflect.DeepEqual(s.list(), next.list())
	*s = *next
	return news
}

// put takes in an object as it is now, and tells whether that is news. One that can't be
// read is as if it were not there.
func (s *services) put(kind resources.Kind, raw []byte) (news bool) {
	at, label, err := placeOf(raw)
	if err != nil {
		return false
	}
	if kind == kindService {
		var core coreService
		if json.Unmarshal(raw, &core) != nil {
			return false
		}
		sv := s.at(at)
		sv.core = &core
		return s.settle(at, sv)
	}
	var slice endpointSlice
	if json.Unmarshal(raw, &slice) != nil {
		return false
	}
	to := place{at.namespace, label}
	if before, ok := s.of[at]; ok && before != to {
		news = s.remove(kind, raw)
	}
	if label == "" {
		return news
	}
	sv := s.at(to)
	sv.slices[at.name] = slice
	s.of[at] = to
	return s.settle(to, sv) || news
}

// remove takes out an object, and tells whether that is news.
func (s *services) remove(kind resources.Kind, raw []byte) (news bool) {
	at, _, err := placeOf(raw)
	if err != nil {
		return false
	}
	to := at
	if kind == kindEndpointSlice {
		to = s.of[at]
		delete(s.of, at)
	}
	sv, ok := s.all[to]
	if !ok {
		return false
	}
	if kind == kindEndpointSlice {
		delete(sv.slices, at.name)
	} else {
		sv.core = nil
	}
	return s.settle(to, sv)
}

func (s *services) at(at place) *service {
	sv, ok := s.all[at]
	if !ok {
		sv = &service{slices: map[string]endpointSlice{}}
		s.all[at] = sv
	}
	return sv
}

// settle works out what a Service is now, and tells whether it is another one.
func (s *services) settle(at place, sv *service) bool {
	before := sv.now
	sv.now = sv.make(at)
	if sv.core == nil && len(sv.slices) == 0 {
		delete(s.all, at)
	}
	return !reflect.DeepEqual(before, sv.now)
}

// list is every Service there is to tell of, sorted.
func (s *services) list() []resources.Service {
	var all []resources.Service
	for _, sv := range s.all {
		if sv.now != nil {
			all = append(all, *sv.now)
		}
	}
	slices.SortFunc(all, func(a, b resources.Service) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// make is the Service as routing sees it; nil for one that routing does not.
func (sv *service) make(at place) *resources.Service {
	if sv.core == nil || len(sv.slices) == 0 {
		return nil
	}
	spec := &sv.core.Spec
	switch {
	case !slices.Contains([]string{"ClusterIP", "NodePort", "LoadBalancer"}, cmp.Or(spec.Type, "ClusterIP")):
		return nil
	case spec.ClusterIP == "" || spec.ClusterIP == "None":
		return nil
	}
	r := &resources.Service{Namespace: at.namespace, Name: at.name, ExternalTrafficPolicy: spec.ExternalTrafficPolicy}
	clusterIPs := spec.ClusterIPs
	if len(clusterIPs) == 0 {
		clusterIPs = []string{spec.ClusterIP}
	}
	r.ClusterIPs, r.ExternalIPs = addresses(clusterIPs), addresses(spec.ExternalIPs)
	for _, in := range sv.core.Status.LoadBalancer.Ingress {
		r.LoadBalancerIPs = append(r.LoadBalancerIPs, addresses([]string{in.IP})...)
	}
	r.IPv4, r.IPv6 = sv.ready("IPv4"), sv.ready("IPv6")
	return r
}

// ready are the endpoints of a family that are.
func (sv *service) ready(family string) (e resources.Endpoints) {
	nodes := map[string]bool{}
	for _, slice := range sv.slices {
		if slice.AddressType != family {
			continue
		}
		for _, end := range slice.Endpoints {
			if end.Conditions.Ready != nil && !*end.Conditions.Ready {
				continue
			}
			e.Any = true
			if end.NodeName != "" {
				nodes[end.NodeName] = true
			}
		}
	}
	if len(nodes) > 0 {
		e.Nodes = slices.Sorted(maps.Keys(nodes))
	}
	return e
}

// addresses are those of a list that are some.
func addresses(texts []string) (all []netip.Addr) {
	for _, text := range texts {
		if a, err := netip.ParseAddr(text); err == nil {
			all = append(all, a.Unmap())
		}
	}
	return all
}

// placeOf is where an object is, and the Service that its label names.
func placeOf(raw []byte) (at place, label string, err error) {
	var o struct {
		Metadata struct {
			Namespace string            `json:"namespace"`
			Name      string            `json:"name"`
			Labels    map[string]string `json:"labels"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(raw, &o); err != nil {
		return at, "", fmt.Errorf("is no object of Kubernetes: %w", err)
	}
	return place{o.Metadata.Namespace, o.Metadata.Name}, o.Metadata.Labels[serviceLabel], nil
}
