package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/calctl/calctl/resources/crd"
)

const definitionsPath = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"

// served is how long the API server may take until it stores what a new
// CustomResourceDefinition is for, and how often it is asked.
const (
	servedLimit = 30 * time.Second
	servedAgain = 100 * time.Millisecond
)

// What Install has done about a definition.
const (
	Created   = "created"
	Changed   = "changed"
	Unchanged = "unchanged"
)

// An Installed is a CustomResourceDefinition, and what Install has done about it.
type Installed struct{ Name, Did string }

// Install gives the cluster the CustomResourceDefinitions of an API group, and returns
// when it serves them. It writes none if one is there already that calctl has not
// made, or whose fields somebody else has changed since, or if the cluster has the
// other group: Calico goes by those.
func (s *Store) Install(ctx context.Context, group crd.Group) ([]Installed, error) {
	if raw, err := s.send(ctx, request{verb: http.MethodGet, path: "/apis"}); err != nil {
		return nil, err
	} else if has, err := chooseGroup(raw); err == nil && has != string(group) {
		return nil, s.where(fmt.Errorf("the cluster has resources in %s, which is where calctl and Calico would go on looking for them: say --api-group %s, or remove those", has, has))
	}
	definitions := crd.Definitions(group)
	versions := make([]string, len(definitions))
	for i, d := range definitions {
		old, err := s.definition(ctx, d.Metadata.Name)
		if err != nil {
			return nil, err
		}
		if versions[i] = old.Metadata.ResourceVersion; versions[i] != "" && old.Metadata.Labels[crd.ManagedBy] != crd.Manager {
			return nil, s.where(fmt.Errorf("CustomResourceDefinition(%s) is somebody else's, such as Calico's, and stays as it is: it has no label %s: %s", d.Metadata.Name, crd.ManagedBy, crd.Manager))
		}
	}
	for _, d := range definitions {
		if _, err := s.apply(ctx, d, url.Values{"dryRun": {"All"}}); err != nil {
			return nil, err
		}
	}
	var done []Installed
	for i, d := range definitions {
		version, err := s.apply(ctx, d, url.Values{})
		if err != nil {
			return done, err
		}
		did := Changed
		switch versions[i] {
		case "":
			did = Created
		case version:
			did = Unchanged
		}
		done = append(done, Installed{d.Metadata.Name, did})
	}
	ctx, cancel := context.WithTimeout(ctx, servedLimit)
	defer cancel()
	for _, d := range definitions {
		if err := s.awaitServed(ctx, d.Metadata.Name); err != nil {
			return done, err
		}
	}
	return done, nil
}

// apply makes a definition what it is to be, in server-side apply, and returns its
// version.
func (s *Store) apply(ctx context.Context, d crd.Definition, query url.Values) (version string, err error) {
	body, err := json.Marshal(d)
	if err != nil {
		return "", err
	}
	query.Set("fieldManager", crd.Manager)
	raw, err := s.send(ctx, request{verb: http.MethodPatch, path: definitionsPath + d.Metadata.Name, query: query, apply: true, body: body})
	if apierrors.IsConflict(err) {
		return "", fmt.Errorf("CustomResourceDefinition(%s) has been changed by somebody else: %w; to have calctl's, print it and apply that the same way", d.Metadata.Name, err)
	}
	if err != nil {
		return "", fmt.Errorf("CustomResourceDefinition(%s): %w", d.Metadata.Name, err)
	}
	var is definition
	err = json.Unmarshal(raw, &is)
	return is.Metadata.ResourceVersion, err
}

// A definition is what there is to know of one that is stored.
type definition struct {
	Metadata metav1.ObjectMeta `json:"metadata"`
	Status   struct {
		Conditions []metav1.Condition `json:"conditions"`
	} `json:"status"`
}

// definition returns the one of this name, the zero definition if there is none.
func (s *Store) definition(ctx context.Context, name string) (d definition, err error) {
	raw, err := s.send(ctx, request{verb: http.MethodGet, path: definitionsPath + name})
	if apierrors.IsNotFound(err) {
		return d, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &d)
	}
	if err != nil {
		err = fmt.Errorf("CustomResourceDefinition(%s): %w", name, err)
	}
	return d, err
}

// awaitServed waits until the API server serves what a definition is for, or says that
// it won't.
func (s *Store) awaitServed(ctx context.Context, name string) error {
	for {
		d, err := s.definition(ctx, name)
		if err != nil {
			return err
		}
		waits := errors.New("nothing is said of it yet")
		for _, c := range d.Status.Conditions {
			switch refused := c.Type == "NonStructuralSchema" && c.Status == metav1.ConditionTrue || c.Type == "NamesAccepted" && c.Status == metav1.ConditionFalse; {
			case refused:
				return fmt.Errorf("CustomResourceDefinition(%s) is not accepted: %s", name, c.Message)
			case c.Type == "Established" && c.Status == metav1.ConditionTrue:
				return nil
			case c.Type == "Established":
				waits = errors.New(c.Message)
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("CustomResourceDefinition(%s) is not served after %v: %w", name, servedLimit, waits)
		case <-time.After(servedAgain):
		}
	}
}
