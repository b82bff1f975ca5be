package kube

import "testing"

// The pair is one that a Calico has shown.
func TestCalicoUID(t *testing.T) {
	const kubernetes, calico = "e8a950f1-d13a-4d5b-a3f6-c847daf517b6", "17950a8f-8b5c-4dda-a36f-13e25bafe86d"
	if got := calicoUID(kubernetes); got != calico {
		t.Errorf("%s is %s for Calico, want %s", kubernetes, got, calico)
	}
	if got := calicoUID(calico); got != kubernetes {
		t.Errorf("it is no inverse: %s", got)
	}
	for _, other := range []string{"", "u", "e8a950f1d13a4d5ba3f6c847daf517b6"} {
		if got := calicoUID(other); got != other {
			t.Errorf("%q became %q", other, got)
		}
	}
}
