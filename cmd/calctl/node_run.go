package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/calctl/calctl/node"
	"github.com/calctl/calctl/node/autodetect"
	"github.com/calctl/calctl/node/intent"
	"github.com/calctl/calctl/resources"
)

// nodeRunOptions are the flags of node run. Those that calico-node reads from
// its environment fall back to the same variable.
type nodeRunOptions struct {
	name, ip, ip6, ipMethod, ip6Method, as string
	socket, logLevel, logFormat            string
	dry                                    dryRun
}

func newNodeRunCmd(a *app) *cobra.Command {
	var o nodeRunOptions
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the node on this machine: BGP sessions and kernel routes",
		Long: `Run the node on this machine until it is told to stop.

It registers the machine as a Node, speaks BGP with the peers the resources ask
for and keeps the kernel's routes as BGP has them, following every change of
the datastore. SIGTERM and SIGINT stop it; routes stay, so that forwarding goes
on until it runs again. It logs to stderr, and tells systemd when it is ready.

Every flag has an environment variable, Calico's where Calico has one:
NODENAME, IP, IP6, IP_AUTODETECTION_METHOD, IP6_AUTODETECTION_METHOD, AS,
` + datastoreEnv + `, ` + socketEnv + `, CALCTL_LOG_LEVEL, CALCTL_LOG_FORMAT.
Of Calico's are also read: CALICO_ROUTER_ID ("hash", or an id like an IPv4 address)
and CALICO_ADVERTISE_CLUSTER_IPS, which stands in for serviceClusterIPs.

With --dry-run it says what it would do, and does nothing: neither the kernel
nor the datastore is written to. With -f, files take the place of the datastore,
and nothing of this machine has a part in it. 'calctl node run --dry-run -o bird'
writes a configuration of BIRD 2 that does the same.

Autodetection methods: first-found, interface=REGEX[,REGEX...],
skip-interface=REGEX[,REGEX...], cidr=CIDR[,CIDR...], can-reach=HOST.`,
		Example: `  calctl node run
  calctl node run --name r1 --ip 192.168.1.1/24 --as 64512
  calctl node run --ip autodetect --ip-autodetection-method 'interface=^eth0$' --ip6 none
  calctl node run --dry-run
  calctl node run --dry-run --name r1 -f cluster.yaml -o json | jq '.peers[].address'
  calctl node run --dry-run --name r1 -f cluster.yaml -o bird >bird.conf`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.dry.asked {
				return o.foresee(cmd.Context(), a)
			}
			if err := o.dry.unasked(cmd.Flags()); err != nil {
				return err
			}
			return o.run(cmd.Context(), a)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.name, "name", "", "`name` of the Node resource (default $NODENAME, else the host name)")
	flags.StringVar(&o.ip, "ip", "", "IPv4 `address` to speak BGP from: an address, address/length, autodetect or none (default $IP, else the stored one, else autodetect)")
	flags.StringVar(&o.ip6, "ip6", "", "IPv6 `address` to speak BGP from: an address, address/length, autodetect or none (default $IP6, else the stored one)")
	flags.StringVar(&o.ipMethod, "ip-autodetection-method", "", "`method` to find the IPv4 address (default $IP_AUTODETECTION_METHOD, else first-found)")
	flags.StringVar(&o.ip6Method, "ip6-autodetection-method", "", "`method` to find the IPv6 address (default $IP6_AUTODETECTION_METHOD, else first-found)")
	flags.StringVar(&o.as, "as", "", "AS `number` of this node, plain or dotted (default $AS, else the stored one, else the cluster's)")
	flags.StringVar(&o.socket, "socket", "", socketUsage("to answer 'calctl node status' at"))
	flags.StringVarP(&o.logLevel, "log-level", "l", "", "least severe `level` to log: error, warn, info or debug (default $CALCTL_LOG_LEVEL, else logSeverityScreen of BGPConfiguration, else info)")
	flags.StringVar(&o.logFormat, "log-format", "", "`format` of the log: text, json, or auto, which is text on a terminal (default $CALCTL_LOG_FORMAT, else auto)")
	o.dry.addFlags(cmd)
	completeWords(cmd, "log-level", "error, warn, info, debug")
	completeWords(cmd, "log-format", "auto, text, json")
	return cmd
}

func (o *nodeRunOptions) run(ctx context.Context, a *app) error {
	level, follows, err := logLevel(a.setting(o.logLevel, "CALCTL_LOG_LEVEL", ""))
	if err != nil {
		return usageError{err}
	}
	log, err := newLog(a.err, level, a.setting(o.logFormat, "CALCTL_LOG_FORMAT", "auto"))
	if err != nil {
		return usageError{err}
	}
	environment, err := a.nodeEnvironment()
	if err != nil {
		return usageError{err}
	}
	identity, err := o.identity(a)
	if err != nil {
		return usageError{err}
	}
	warnOfAbsent(log, identity)
	name, err := nodeName(a, o.name)
	if err != nil {
		return err
	}
	s, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()

	info, _ := debug.ReadBuildInfo()
	config := node.Config{
		Name:        name,
		Store:       s,
		Socket:      a.socket(o.socket),
		Identity:    identity,
		Environment: environment,
		Version:     buildOf(info).Version,
		Log:         log,
	}
	if follows {
		config.LogLevel = level
	}
	if a.env("GOGC") == "" {
		limitGarbage()
		config.Read = forgetStart
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	config.Accept = hangup
	return node.Run(ctx, config)
}

// nodeEnvironment reads what calico-node is told of one node by its environment
// and nowhere else.
func (a *app) nodeEnvironment() (e intent.Environment, err error) {
	const routerID, clusterIPs = "CALICO_ROUTER_ID", "CALICO_ADVERTISE_CLUSTER_IPS"
	if e.RouterID, err = intent.ParseRouterID(a.env(routerID)); err != nil {
		return e, fmt.Errorf("environment variable %s: %w", routerID, err)
	}
	if e.ClusterIPs, err = intent.ParseClusterIPs(a.env(clusterIPs)); err != nil {
		return e, fmt.Errorf("environment variable %s: %w", clusterIPs, err)
	}
	return e, nil
}

// nodeName is the name of the node, flag or not.
func nodeName(a *app, flag string) (string, error) {
	sources := autodetect.OS
	sources.Getenv = a.env
	name, err := autodetect.NodeName(flag, sources)
	if err != nil {
		return "", usageError{err}
	}
	return name, nil
}

// warnOfAbsent tells of addresses this machine does not have, or not yet.
func warnOfAbsent(log *slog.Logger, id node.Identity) {
	interfaces, err := autodetect.Interfaces()
	if err != nil {
		return // the node says so when it registers
	}
	for _, a := range id.Absent(interfaces) {
		log.Warn("no interface of this machine has the address: sessions from it can't start before one has", "address", a)
	}
}

// identity is what the node is told about itself.
func (o *nodeRunOptions) identity(a *app) (id node.Identity, err error) {
	if id.IPv4, err = a.address(autodetect.IPv4, setting{"--ip", o.ip, "IP"}, setting{"--ip-autodetection-method", o.ipMethod, "IP_AUTODETECTION_METHOD"}); err != nil {
		return id, err
	}
	if id.IPv6, err = a.address(autodetect.IPv6, setting{"--ip6", o.ip6, "IP6"}, setting{"--ip6-autodetection-method", o.ip6Method, "IP6_AUTODETECTION_METHOD"}); err != nil {
		return id, err
	}
	as := setting{"--as", o.as, "AS"}
	if text := as.value(a); text != "" {
		asn, err := resources.ParseASN(text)
		if err != nil {
			return id, fmt.Errorf("%s: invalid AS Number specified: %s: %w", as.source(), text, err)
		}
		id.ASN = &asn
	}
	return id, nil
}

// address reads how to come by an address. The error says which setting is wrong.
func (a *app) address(family autodetect.Family, ip, method setting) (node.Address, error) {
	address, err := node.ParseAddress(ip.value(a), family, method.value(a))
	if err == nil {
		return address, nil
	}
	source := ip.source()
	if _, wrong := autodetect.Parse(method.value(a)); wrong != nil {
		source = method.source()
	}
	return node.Address{}, fmt.Errorf("%s: %w", source, err)
}

// A setting is a flag that falls back to an environment variable.
type setting struct{ flag, given, variable string }

func (s setting) value(a *app) string { return a.setting(s.given, s.variable, "") }

// source is where the value comes from, for errors about it.
func (s setting) source() string {
	if s.given != "" {
		return s.flag
	}
	return "environment variable " + s.variable
}

// logLevel reads a log level. Where none is given it follows logSeverityScreen of
// the resources: it is info until those are known.
func logLevel(text string) (level *slog.LevelVar, follows bool, err error) {
	level = new(slog.LevelVar)
	if text == "" {
		return level, true, nil
	}
	levels := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "warning": slog.LevelWarn,
		"error": slog.LevelError, "fatal": slog.LevelError, "panic": slog.LevelError, // calicoctl's; nothing is worse than an error here
	}
	least, ok := levels[text]
	if !ok {
		return nil, false, fmt.Errorf("unknown log level: %s, expected one of: panic, fatal, error, warn, info, debug", text)
	}
	level.Set(least)
	return level, false, nil
}

// newLog makes the daemon's log: lines for people on a terminal, JSON for
// whatever else reads it.
func newLog(w io.Writer, level slog.Leveler, format string) (*slog.Logger, error) {
	options := &slog.HandlerOptions{Level: level}
	switch {
	case format == "text", format == "auto" && isTerminal(w):
		return slog.New(slog.NewTextHandler(w, options)), nil
	case format == "json", format == "auto":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	default:
		return nil, fmt.Errorf("unknown log format: %s, expected one of: auto, text, json", format)
	}
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(file.Fd()), unix.TCGETS)
	return err == nil
}
