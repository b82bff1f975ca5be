//go:build !kube

package bench

// onKube is s7_kube_test.go's, which needs an API server.
var onKube []datastore
