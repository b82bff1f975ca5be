package trial

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/node/policy"
	"github.com/calctl/calctl/node/speaker"
	"github.com/calctl/calctl/node/wire"
	"github.com/calctl/calctl/resources"
)

// Trials answer questions about one node. They are for one goroutine at a time.
type Trials struct {
	name      string
	node      intent.BGP
	peers     map[string]*peer // by how they were asked for
	installer *policy.Installer
	names     namer
}

// A peer is one of the node's.
type peer struct {
	intent.Peer
	trial *speaker.Trial
}

// New prepares to answer questions about a node, of which e is the environment. It
// fails when the node doesn't speak BGP by these resources. Secrets need not be
// there: passwords have no part in policies.
func New(snap *resources.Snapshot, node string, e intent.Environment) (*Trials, error) {
	snap = withSecrets(snap)
	b, problems := intent.Derive(snap, node, intent.Host{Environment: e})
	if !b.Enabled() {
		why := "does not speak BGP"
		for _, p := range problems {
			if p.Resource == (resources.Key{Kind: resources.KindNode, Name: node}) {
				why = p.Text
			}
		}
		return nil, fmt.Errorf("Node(%s): %s", node, why)
	}
	return &Trials{
		name: node, node: b, peers: map[string]*peer{},
		installer: policy.NewInstaller(b.Kernel), names: newNamer(snap, node, e),
	}, nil
}

// withSecrets is a snapshot with all secrets that sessions ask for.
func withSecrets(snap *resources.Snapshot) *resources.Snapshot {
	with := *snap
	with.Secrets = maps.Clone(snap.Secrets)
	want := func(ref *resources.BGPPassword) {
		if ref == nil || ref.SecretKeyRef == nil {
			return
		}
		name, key := ref.SecretKeyRef.Name, ref.SecretKeyRef.Key
		if s := with.Secrets[name]; s != nil {
			if _, ok := s.Value(key); ok {
				return
			}
		}
		stand := &resources.Secret{Data: map[string][]byte{key: []byte("any")}}
		if s := with.Secrets[name]; s != nil {
			maps.Copy(stand.Data, s.Data)
		}
		stand.Name = name
		with.Secrets[name] = stand
	}
	for _, p := range snap.Peers {
		want(p.Spec.Password)
	}
	for _, c := range snap.Configs {
		want(c.Spec.NodeMeshPassword)
	}
	return &with
}

// Peers are the names of what may be asked about, as Question.Peer takes them.
func (t *Trials) Peers() []string {
	var names []string
	for _, at := range slices.SortedFunc(maps.Keys(t.node.Peers), netip.AddrPort.Compare) {
		if at.Port() == intent.DefaultPort {
			names = append(names, at.Addr().String())
		} else {
			names = append(names, at.String())
		}
	}
	return append(names, kernelPeer)
}

// Ask answers a question.
func (t *Trials) Ask(q Question) (Answer, error) {
	prefix, err := q.read()
	if err != nil {
		return Answer{}, err
	}
	a, err := t.answer(&q, prefix)
	if err != nil {
		return Answer{}, err
	}
	a.Unmet = q.Expect.unmet(&a)
	return a, nil
}

func (t *Trials) answer(q *Question, prefix netip.Prefix) (Answer, error) {
	if q.Peer == kernelPeer {
		attrs, err := t.attrs(q, nil)
		if err != nil {
			return Answer{}, err
		}
		return t.installed(q, prefix, attrs), nil
	}
	p, err := t.peer("peer", q.Peer)
	if err != nil {
		return Answer{}, err
	}
	attrs, err := t.attrs(q, p)
	if err != nil {
		return Answer{}, err
	}
	s := speaker.Sample{Prefix: prefix, Attrs: attrs, Interface: q.Interface}
	if q.Direction == dirImport {
		return t.verdict(p.trial.Import(s), prefix, true), nil
	}
	if q.Source != sourceBGP {
		s.Local = t.local(q, prefix)
	}
	if q.From != "" {
		from, err := t.peer("from", q.From)
		if err != nil {
			return Answer{}, err
		}
		if from == p {
			return rejected(byBGP + "it is this peer's own route"), nil
		}
		s.From = &from.Peer
	}
	return t.verdict(p.trial.Export(s), prefix, !p.External(t.node.ASN)), nil
}

// byBGP begins the rules that are no resource's.
const byBGP = "BGP: "

// verdict is the answer to what the speaker says.
func (t *Trials) verdict(v speaker.Verdict, prefix netip.Prefix, told bool) Answer {
	rule := t.names.rule(v.Policy, prefix)
	switch {
	case v.Bar != "":
		return rejected(byBGP + v.Bar)
	case v.Attrs == nil:
		return rejected(rule)
	}
	return accepted(v.Attrs, told, rule)
}

// local is a route that the node has without BGP.
func (t *Trials) local(q *Question, prefix netip.Prefix) *intent.Local {
	l := intent.Local{Source: sources[q.Source], Interface: q.Interface, Metric: t.metric(q, prefix)}
	return &l
}

// attrs are those that a question gives a route from a peer, or to one.
func (t *Trials) attrs(q *Question, p *peer) (*wire.Attrs, error) {
	f := wire.Fields{Origin: wire.OriginIGP}
	for _, as := range slices.Backward(q.ASPath) {
		f.ASPath = f.ASPath.Prepend(uint32(as))
	}
	if len(q.ASPath) == 0 && q.Direction == dirImport && p.External(t.node.ASN) {
		f.ASPath = f.ASPath.Prepend(p.ASN)
	}
	if q.LocalPref != nil {
		f.LocalPref, f.HasLocalPref = *q.LocalPref, true
	}
	if q.MED != nil {
		f.MED, f.HasMED = *q.MED, true
	}
	if err := policy.WithCommunities(&f, q.Communities...); err != nil {
		return nil, bad("communities", strings.Join(q.Communities, " "), "write aa:nn or aa:nn:mm")
	}
	if err := policy.WithCommunities(&f, q.LargeCommunities...); err != nil {
		return nil, bad("largeCommunities", strings.Join(q.LargeCommunities, " "), "write aa:nn:mm")
	}
	return f.Build()
}

// peer finds one of the node's peers by its address, and port.
func (t *Trials) peer(field, name string) (*peer, error) {
	if p := t.peers[name]; p != nil {
		return p, nil
	}
	at, err := t.find(field, name)
	if err != nil {
		return nil, err
	}
	key := at.String()
	if t.peers[key] == nil {
		p := t.node.Peers[at]
		t.peers[key] = &peer{p, speaker.NewTrial(t.node, at, p)}
	}
	t.peers[name] = t.peers[key]
	return t.peers[name], nil
}

func (t *Trials) find(field, name string) (netip.AddrPort, error) {
	var fits func(netip.AddrPort) bool
	if addr, err := netip.ParseAddr(name); err == nil {
		fits = func(at netip.AddrPort) bool { return at.Addr() == addr.Unmap() }
	} else if whole, err := netip.ParseAddrPort(name); err == nil {
		whole = netip.AddrPortFrom(whole.Addr().Unmap(), whole.Port())
		fits = func(at netip.AddrPort) bool { return at == whole }
	} else {
		return netip.AddrPort{}, bad(field, name, "write an address, 192.0.2.1:1790, [2001:db8::1]:1790 or kernel; %s", t.list())
	}
	var found []netip.AddrPort
	for at := range t.node.Peers {
		if fits(at) {
			found = append(found, at)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		for _, r := range t.node.Refused {
			if fits(r.At) {
				return netip.AddrPort{}, bad(field, name, "there would be no session: %s", r.Why)
			}
		}
		return netip.AddrPort{}, bad(field, name, "no such peer; %s", t.list())
	}
	return netip.AddrPort{}, bad(field, name, "there are several at this address: add the port; %s", t.list())
}

// list says which peers there are.
func (t *Trials) list() string {
	names := t.Peers()
	names = names[:len(names)-1]
	if len(names) == 0 {
		return fmt.Sprintf("Node(%s) has no peers", t.name)
	}
	return fmt.Sprintf("Node(%s) has %s", t.name, strings.Join(names, ", "))
}
