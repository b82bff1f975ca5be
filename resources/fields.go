package resources

import (
	"reflect"
	"slices"
	"strings"
	"sync"
)

// fields are the JSON fields of a struct.
type fields struct {
	names []string // in the order of the struct
	index map[string][]int
}

var fieldCache sync.Map // reflect.Type → *fields

func fieldsOf(t reflect.Type) *fields {
	if c, ok := fieldCache.Load(t); ok {
		return c.(*fields)
	}
	fs := &fields{index: map[string][]int{}}
	for _, sf := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(sf.Tag.Get("json"), ",")
		// A promoted field belongs to this level only when what it is promoted
		// from has no name of its own: TypeMeta has none, metadata has.
		if name == "" || len(sf.Index) > 1 && t.Field(sf.Index[0]).Tag.Get("json") != "" {
			continue
		}
		fs.names = append(fs.names, name)
		fs.index[name] = sf.Index
	}
	fieldCache.Store(t, fs)
	return fs
}

// have tells whether one of the fields is meant by a name. Case does not matter to
// Go's decoder: peerip has been read as peerIP.
func (fs *fields) have(name string) bool {
	return slices.ContainsFunc(fs.names, func(known string) bool { return strings.EqualFold(known, name) })
}

// suggest asks whether another field was meant, of the same struct or of
// another place in the resource: peerIP beside spec instead of inside it.
func (f *filler) suggest(fs *fields, name string) string {
	hint, exact := fs.near(name)
	if !exact {
		if paths := placesOf(f.root, name, ""); len(paths) == 1 {
			hint = paths[0]
		}
	}
	if hint == "" {
		return ""
	}
	return "; did you mean " + hint + "?"
}

// placesOf lists the paths of the fields called name in a resource, those in
// lists excepted.
func placesOf(t reflect.Type, name, at string) []string {
	var paths []string
	fs := fieldsOf(t)
	for _, known := range fs.names {
		path := joinPath(at, known)
		if strings.EqualFold(known, name) {
			paths = append(paths, path)
		}
		sub := t.FieldByIndex(fs.index[known]).Type
		if sub.Kind() == reflect.Pointer {
			sub = sub.Elem()
		}
		if sub.Kind() == reflect.Struct {
			paths = append(paths, placesOf(sub, name, path)...)
		}
	}
	return paths
}

// near returns the field whose name is spelt most like name, or "". It is exact
// when only the case differs.
func (fs *fields) near(name string) (best string, exact bool) {
	least := max(1, len(name)/3) + 1
	for _, known := range fs.names {
		if strings.EqualFold(known, name) {
			return known, true
		}
		if d := distance(strings.ToLower(known), strings.ToLower(name)); d < least {
			best, least = known, d
		}
	}
	return best, false
}

// distance counts the letters to change, add or drop to get from a to b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
