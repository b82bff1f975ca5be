package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"
	"k8s.io/klog/v2"

	"github.com/calctl/calctl/resources"
	"github.com/calctl/calctl/resources/store"
)

const (
	// How long a connection may take to be made, and how it is found out that nobody
	// is at the other end any more: a ping after so long a silence, and no answer.
	dialLimit = 3 * time.Second
	pingAfter = 2 * time.Second
	pingLimit = 3 * time.Second
)

// connect makes the client. It asks the API server nothing.
func connect(c *rest.Config) (*rest.RESTClient, *http.Transport, error) {
	conf, err := c.TransportConfig()
	if err != nil {
		return nil, nil, err
	}
	secure, err := transport.TLSConfigFor(conf)
	if err != nil {
		return nil, nil, err
	}
	// Ours, because client-go's can't be told when to ping.
	plain := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		TLSClientConfig:     secure,
		TLSHandshakeTimeout: dialLimit,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 16, // where HTTP/2 is not spoken
		IdleConnTimeout:     90 * time.Second,
		HTTP2:               &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingLimit, WriteByteTimeout: pingAfter + pingLimit},
		DialContext: (&net.Dialer{Timeout: dialLimit, KeepAliveConfig: net.KeepAliveConfig{
			Enable: true, Idle: pingAfter, Interval: time.Second, Count: int(pingLimit / time.Second),
		}}).DialContext,
	}
	if c.Proxy != nil {
		plain.Proxy = c.Proxy
	}
	if conf.DialHolder != nil {
		plain.DialContext = conf.DialHolder.Dial
	}
	wrapped, err := transport.HTTPWrappersForConfig(conf, plain)
	if err != nil {
		return nil, nil, err
	}
	c = rest.CopyConfig(c)
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"}) // for the API server's errors
	c.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	c.WarningHandlerWithContext = rest.NoWarnings{}
	c.ContentType = runtime.ContentTypeJSON
	client, err := rest.UnversionedRESTClientForConfigAndClient(c, &http.Client{Transport: wrapped})
	return client, plain, err
}

// A request is what is asked of the API server.
type request struct {
	verb, path string
	query      url.Values
	patch      bool // the body is a merge patch (RFC 7386)
	apply      bool // the body is to be applied, by the server
	body       []byte
	// once is for those who try again themselves. Else client-go does, when the server
	// says after which time: five seconds, of one that is about to start.
	once bool
}

func (q request) on(c *rest.RESTClient) *rest.Request {
	r := c.Verb(q.verb).AbsPath(q.path)
	for name, values := range q.query {
		for _, value := range values {
			r.Param(name, value)
		}
	}
	if q.body != nil {
		r.Body(q.body)
	}
	if q.once {
		r.MaxRetries(0)
	}
	if q.patch {
		r.SetHeader("Content-Type", string(types.MergePatchType))
	}
	if q.apply {
		r.SetHeader("Content-Type", string(types.ApplyYAMLPatchType))
	}
	return r
}

// silent keeps client-go from writing to stderr by itself.
func silent(ctx context.Context) context.Context { return klog.NewContext(ctx, logr.Discard()) }

// send asks the API server something within the time a request may take, and returns
// the answer. Whatever goes wrong it says where, and why as far as anybody knows.
func (s *Store) send(ctx context.Context, q request) ([]byte, error) {
	return s.sendWithin(ctx, s.config.Timeout, q)
}

func (s *Store) sendWithin(ctx context.Context, limit time.Duration, q request) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, s.where(err)
	}
	timed, cancel := context.WithTimeout(silent(ctx), limit)
	defer cancel()
	result := q.on(s.client).Do(timed)
	if err := result.Error(); err != nil {
		return nil, s.failed(ctx, timed, limit, err)
	}
	raw, err := result.Raw()
	if err != nil {
		return nil, s.failed(ctx, timed, limit, err)
	}
	return raw, nil
}

// stream asks for an answer that goes on until whoever reads it has had enough. It
// has to begin within the time that reading everything may take.
func (s *Store) stream(ctx context.Context, q request) (io.ReadCloser, error) {
	begun, cancel := context.WithCancel(silent(ctx))
	late := time.AfterFunc(readLimit, cancel)
	body, err := q.on(s.client).Stream(begun)
	if !late.Stop() && err == nil { // it is of no use any more
		_ = body.Close()
		err = context.Canceled
	}
	if err != nil {
		cancel()
		return nil, s.failed(ctx, begun, readLimit, err)
	}
	return &stoppable{body, cancel}, nil
}

// stoppable is an answer whose request ends when it is closed.
type stoppable struct {
	io.ReadCloser
	stop context.CancelFunc
}

// Close ends the request.
func (s *stoppable) Close() error {
	defer s.stop()
	return s.ReadCloser.Close()
}

// failed says what went wrong with a request.
func (s *Store) failed(ctx, timed context.Context, limit time.Duration, err error) error {
	switch {
	case ctx.Err() != nil: // the caller's own doing
		return s.where(ctx.Err())
	case timed.Err() != nil:
		why := ""
		if text := plain(err).Error(); text != context.DeadlineExceeded.Error() {
			why = ": " + text
		}
		return fmt.Errorf("datastore %s does not answer: %w, which is %v%s", s.location, store.ErrNoAnswer, limit, why)
	case apierrors.IsUnauthorized(err):
		return s.where(fmt.Errorf("connection is unauthorized: %w", err))
	default:
		return s.where(plain(err))
	}
}

// where says which datastore an error comes from.
func (s *Store) where(err error) error { return fmt.Errorf("datastore %s: %w", s.location, err) }

// plain takes the request out of an error: it says nothing to whoever did not send it.
func plain(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// noSuchKind tells whether an error says that the cluster has no objects of that kind at
// all, rather than not this one.
func noSuchKind(err error) bool {
	return apierrors.IsNotFound(err) && apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse)
}

// refused puts the API server's errors about one object into those of package store.
func refused(err error, h home, key resources.Key) error {
	switch {
	case err == nil:
		return nil
	case noSuchKind(err):
		return fmt.Errorf("%s: the cluster has no CustomResourceDefinition %s: install Calico's of this version (%w)", key, h.plural, err)
	case apierrors.IsNotFound(err):
		return store.Fail(store.ErrNotFound, key)
	case apierrors.IsAlreadyExists(err):
		return store.Fail(store.ErrExists, key)
	case apierrors.IsConflict(err):
		return store.Fail(store.ErrConflict, key)
	}
	return fmt.Errorf("%s: %w", key, err)
}
