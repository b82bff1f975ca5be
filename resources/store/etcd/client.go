package etcd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/status"

	"github.com/calctl/calctl/resources/store"
)

const (
	// How gRPC looks for an endpoint: the pauses between its attempts, and how
	// long one may take. It starts again from the shortest after each success.
	dialFirst = 100 * time.Millisecond
	dialMost  = time.Second
	dialLimit = 2 * time.Second
	// How gRPC finds out that nobody is there any more. It asks no more often
	// than this, and the server would punish it for five seconds.
	keepaliveEvery = 10 * time.Second
	keepaliveLimit = 3 * time.Second
)

// dial returns the client, which is made when it is first needed. It looks up
// the endpoints anew if they are found by SRV records and again is set.
func (s *Store) dial(ctx context.Context, again bool) (*clientv3.Client, error) {
	select {
	case s.making <- struct{}{}:
		defer func() { <-s.making }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s.closed {
		return nil, errors.New("datastore is closed")
	}
	if s.client != nil && (!again || s.config.SRVDomain == "") {
		return s.client, nil
	}
	endpoints := s.config.Endpoints
	if s.config.SRVDomain != "" {
		var err error
		if endpoints, err = discover(ctx, s.lookup, s.config.SRVDomain); err != nil {
			if s.client != nil {
				return s.client, nil // those that were there may still be
			}
			return nil, err
		}
	}
	if s.client != nil {
		s.client.SetEndpoints(endpoints...)
		return s.client, nil
	}
	secure, err := s.config.tls()
	if err != nil {
		return nil, err
	}
	made, cancel := context.WithCancel(context.Background())
	stop := context.AfterFunc(ctx, cancel) // while it asks for a token, ctx counts
	client, err := clientv3.New(clientv3.Config{
		Context:              context.WithValue(made, causeKey{}, causeOf(ctx)),
		Endpoints:            endpoints,
		TLS:                  secure,
		Username:             s.config.Username,
		Password:             s.config.Password,
		DialKeepAliveTime:    keepaliveEvery,
		DialKeepAliveTimeout: keepaliveLimit,
		Logger:               zap.NewNop(),
		DialOptions: []grpc.DialOption{
			grpc.WithConnectParams(grpc.ConnectParams{
				Backoff:           backoff.Config{BaseDelay: dialFirst, Multiplier: 1.6, Jitter: 0.2, MaxDelay: dialMost},
				MinConnectTimeout: dialLimit,
			}),
			grpc.WithChainUnaryInterceptor(noteCause),
		},
	})
	if !stop() && err == nil {
		_ = client.Close()
		err = ctx.Err()
	}
	if err != nil {
		cancel()
		return nil, err
	}
	s.client, s.forget = client, cancel
	return client, nil
}

// do asks etcd something, within the time a request may take. Whatever goes
// wrong it says where, and why as far as anybody knows.
func (s *Store) do(ctx context.Context, limit time.Duration, ask func(ctx context.Context, c *clientv3.Client) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	why := &cause{}
	timed, cancel := context.WithTimeout(context.WithValue(ctx, causeKey{}, why), limit)
	defer cancel()
	c, err := s.dial(timed, false)
	if err == nil {
		err = ask(timed, c)
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil: // the caller's own doing
		return fmt.Errorf("datastore %s: %w", s.config.location(), ctx.Err())
	case timed.Err() != nil:
		return fmt.Errorf("datastore %s does not answer: %w%s", s.config.location(), why.or(limit), s.config.hint(why))
	default:
		return fmt.Errorf("datastore %s: %w", s.config.location(), plain(err))
	}
}

// A cause is what gRPC says about why a request got no answer. The client
// library replaces it by "context deadline exceeded".
type cause struct {
	mu   sync.Mutex
	text string
}

type causeKey struct{}

func causeOf(ctx context.Context) *cause {
	c, _ := ctx.Value(causeKey{}).(*cause)
	return c
}

// noteCause is part of every request.
func noteCause(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	err := invoke(ctx, method, req, reply, cc, opts...)
	if c := causeOf(ctx); c != nil && err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.text = plain(err).Error()
	}
	return err
}

func (c *cause) or(limit time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	text := c.text
	if text == "" || strings.Contains(text, context.DeadlineExceeded.Error()) && !strings.Contains(text, ": ") {
		return fmt.Errorf("%w, which is %v", store.ErrNoAnswer, limit)
	}
	return fmt.Errorf("%w, which is %v: %s", store.ErrNoAnswer, limit, text)
}

// hint says what a connection cut off at its first request means where TLS is
// spoken: by then TLS 1.3 lets the server say that it refuses the client's
// certificate, and that may get lost as the connection is reset.
func (c *Config) hint(why *cause) string {
	why.mu.Lock()
	defer why.mu.Unlock()
	cut := strings.Contains(why.text, syscall.EPIPE.Error()) || strings.Contains(why.text, syscall.ECONNRESET.Error())
	if !cut || !strings.Contains(c.location(), "https://") {
		return ""
	}
	return "; the server may not accept this client's certificate"
}

// plain takes gRPC's own words out of an error.
func plain(err error) error {
	text := err.Error()
	if s, ok := status.FromError(err); ok {
		text = s.Message()
	}
	for _, words := range []string{
		"connection error: desc = ", "transport: ", "authentication handshake failed: ", "Error while dialing: ",
		"latest balancer error: ", "last connection error: ", "last resolver error: ", "etcdserver: ",
		"context deadline exceeded while waiting for connections to become ready", "received context error while waiting for new LB policy update: ",
	} {
		text = strings.ReplaceAll(text, words, "")
	}
	text = strings.Trim(text, `"; `)
	if text == err.Error() || text == "" {
		return err
	}
	return spoken{text, err}
}

// spoken is an error in other words.
type spoken struct {
	text string
	error
}

func (s spoken) Error() string { return s.text }
func (s spoken) Unwrap() error { return s.error }
