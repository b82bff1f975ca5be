package printers

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/calctl/calctl/resources"
)

// table writes the table of one Result.
func table(w io.Writer, r Result, cluster Cluster, wide bool) error {
	switch r.Kind {
	case resources.KindBGPConfiguration:
		return tableOf(w, r, bgpConfigurationColumns, wide)
	case resources.KindBGPPeer:
		return tableOf(w, r, bgpPeerColumns, wide)
	case resources.KindBGPFilter:
		return tableOf(w, r, bgpFilterColumns, wide)
	case resources.KindIPPool:
		return tableOf(w, r, ipPoolColumns, wide)
	case resources.KindNode:
		return tableOf(w, r, nodeColumns(cluster), wide)
	case resources.KindSecret:
		return tableOf(w, r, secretColumns, wide)
	case resources.KindBlockAffinity:
		return tableOf(w, r, blockAffinityColumns, wide)
	case resources.KindClusterInformation:
		return tableOf(w, r, clusterInformationColumns, wide)
	default:
		return fmt.Errorf("there is no table for kind '%s'; use -o yaml", r.Kind)
	}
}

func tableOf[T resources.Resource](w io.Writer, r Result, columns []Column[T], wide bool) error {
	items := make([]T, 0, len(r.Items))
	for _, item := range r.Items {
		typed, ok := item.(T)
		if !ok {
			return fmt.Errorf("%s is a %T, not a %s", resources.KeyOf(item), item, r.Kind)
		}
		items = append(items, typed)
	}
	return aligned(w, rows(columns, items, wide))
}

var bgpConfigurationColumns = []Column[*resources.BGPConfiguration]{
	{Name: "NAME", Value: func(r *resources.BGPConfiguration) string { return r.Name }},
	{Name: "LOGSEVERITY", Value: func(r *resources.BGPConfiguration) string { return r.Spec.LogSeverityScreen }},
	{Name: "MESHENABLED", Value: func(r *resources.BGPConfiguration) string { return orDash(r.Spec.NodeToNodeMeshEnabled) }},
	{Name: "ASNUMBER", Value: func(r *resources.BGPConfiguration) string { return orDash(r.Spec.ASNumber) }},
}

// calicoctl's columns.
var clusterInformationColumns = []Column[*resources.ClusterInformation]{
	{Name: "NAME", Value: func(r *resources.ClusterInformation) string { return r.Name }},
	{Name: "CLUSTERGUID", Value: func(r *resources.ClusterInformation) string { return r.Spec.ClusterGUID }},
	{Name: "CLUSTERTYPE", Value: func(r *resources.ClusterInformation) string { return r.Spec.ClusterType }},
	{Name: "CALICOVERSION", Value: func(r *resources.ClusterInformation) string { return r.Spec.CalicoVersion }},
	{Name: "DATASTOREREADY", Value: func(r *resources.ClusterInformation) string { return orDash(r.Spec.DatastoreReady) }},
}

var bgpPeerColumns = []Column[*resources.BGPPeer]{
	{Name: "NAME", Value: func(r *resources.BGPPeer) string { return r.Name }},
	{Name: "PEERIP", Value: func(r *resources.BGPPeer) string { return r.Spec.PeerIP }},
	{Name: "NODE", Value: func(r *resources.BGPPeer) string {
		switch {
		case r.Spec.Node != "":
			return r.Spec.Node
		case r.Spec.NodeSelector != "":
			return r.Spec.NodeSelector
		default:
			return "(global)"
		}
	}},
	{Name: "ASN", Value: func(r *resources.BGPPeer) string { return fmt.Sprint(r.Spec.ASNumber) }},
}

var bgpFilterColumns = []Column[*resources.BGPFilter]{
	{Name: "NAME", Value: func(r *resources.BGPFilter) string { return r.Name }},
	{Name: "NUMEXPORTV4", Value: func(r *resources.BGPFilter) string { return strconv.Itoa(len(r.Spec.ExportV4)) }},
	{Name: "NUMIMPORTV4", Value: func(r *resources.BGPFilter) string { return strconv.Itoa(len(r.Spec.ImportV4)) }},
	{Name: "NUMEXPORTV6", Value: func(r *resources.BGPFilter) string { return strconv.Itoa(len(r.Spec.ExportV6)) }},
	{Name: "NUMIMPORTV6", Value: func(r *resources.BGPFilter) string { return strconv.Itoa(len(r.Spec.ImportV6)) }},
}

var ipPoolColumns = []Column[*resources.IPPool]{
	{Name: "NAME", Value: func(r *resources.IPPool) string { return r.Name }},
	{Name: "CIDR", Value: func(r *resources.IPPool) string { return r.Spec.CIDR }},
	{Name: "NAT", Wide: true, Value: func(r *resources.IPPool) string { return strconv.FormatBool(r.Spec.NATOutgoing) }},
	{Name: "IPIPMODE", Wide: true, Value: func(r *resources.IPPool) string { return r.Spec.IPIPMode }},
	{Name: "VXLANMODE", Wide: true, Value: func(r *resources.IPPool) string { return r.Spec.VXLANMode }},
	{Name: "DISABLED", Wide: true, Value: func(r *resources.IPPool) string { return strconv.FormatBool(r.Spec.Disabled) }},
	{Name: "DISABLEBGPEXPORT", Wide: true, Value: func(r *resources.IPPool) string { return strconv.FormatBool(r.Spec.DisableBGPExport) }},
	{Name: "SELECTOR", Value: func(r *resources.IPPool) string { return r.Spec.NodeSelector }},
	{Name: "ASSIGNMENTMODE", Wide: true, Value: func(r *resources.IPPool) string {
		if r.Spec.AssignmentMode == nil {
			return ""
		}
		return *r.Spec.AssignmentMode
	}},
}

// nodeColumns: a node that speaks BGP without an AS number of its own shows the
// cluster's in parentheses.
func nodeColumns(cluster Cluster) []Column[*resources.Node] {
	bgp := func(value func(*resources.NodeBGPSpec) string) func(*resources.Node) string {
		return func(r *resources.Node) string {
			if r.Spec.BGP == nil {
				return ""
			}
			return value(r.Spec.BGP)
		}
	}
	return []Column[*resources.Node]{
		{Name: "NAME", Value: func(r *resources.Node) string { return r.Name }},
		{Name: "ASN", Wide: true, Value: bgp(func(b *resources.NodeBGPSpec) string {
			if b.ASNumber == nil {
				return "(" + cluster.defaultASN() + ")"
			}
			return fmt.Sprint(*b.ASNumber)
		})},
		{Name: "IPV4", Wide: true, Value: bgp(func(b *resources.NodeBGPSpec) string { return b.IPv4Address })},
		{Name: "IPV6", Wide: true, Value: bgp(func(b *resources.NodeBGPSpec) string { return b.IPv6Address })},
	}
}

var secretColumns = []Column[*resources.Secret]{
	{Name: "NAME", Value: func(r *resources.Secret) string { return r.Name }},
	{Name: "KEYS", Value: func(r *resources.Secret) string {
		keys := make([]string, 0, len(r.Data)+len(r.StringData))
		for key := range r.Data {
			keys = append(keys, key)
		}
		for key := range r.StringData {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		return strings.Join(slices.Compact(keys), ",")
	}},
}

var blockAffinityColumns = []Column[*resources.BlockAffinity]{
	{Name: "NAME", Value: func(r *resources.BlockAffinity) string { return r.Name }},
	{Name: "NODE", Value: func(r *resources.BlockAffinity) string { return r.Spec.Node }},
	{Name: "CIDR", Value: func(r *resources.BlockAffinity) string { return r.Spec.CIDR }},
	{Name: "STATE", Value: func(r *resources.BlockAffinity) string { return r.Spec.State }},
	{Name: "TYPE", Wide: true, Value: func(r *resources.BlockAffinity) string { return r.Spec.Type }},
}

func orDash[T any](p *T) string {
	if p == nil {
		return "-"
	}
	return fmt.Sprint(*p)
}
