// Package crd makes the CustomResourceDefinitions by which a Kubernetes API server
// stores Calico's resources, for a cluster that has no Calico.
//
// The schema of a kind is its Go type: fields and their types by reflection, what a
// value has to keep to from the tags of [resources.Limits], which are what Validate
// goes by. What fields have to do with one another stands in rules.go, in CEL; a test
// on a real API server has it and Validate say the same of the same resources.
//
// What has hurt: the server estimates what a rule costs from the longest lists and
// texts that the schema allows, and refuses the whole definition when that is too
// much. So every text a rule looks into and every list around it has a limit, if
// only a generous one.
package crd
