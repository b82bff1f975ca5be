package resources

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Limits are what the value of a field has to keep to, besides its type. They stand in
// the field's tag, where Validate finds them and whoever writes a schema of the
// resources. In a list they are those of its entries, Items and Key excepted.
//
//	oneOf:"Auto Self Keep"     a text that has these spellings
//	format:"prefix"            a text, or an AS number, of one of the formats below
//	pattern:"^(on|off)$"       a text that a regular expression matches
//	range:"1..10"              a number or a duration, both ends included
//	items:"1..10"              how many entries a list has, "..10" is at most
//	key:"name"                 the field in which no two entries of a list are alike
//	need:"write its name"      the field is required, and how to mend that it is missing
//
// A field without omitempty is required too.
type Limits struct {
	Field    string // the name of the Go field, which calicoctl's messages mention
	Required bool
	Need     string
	OneOf    []string
	Format   string
	Pattern  string
	// Low and High are the ends of the range of a number, or of nanoseconds; both are
	// 0 when there is none.
	Low, High int64
	// MinItems and MaxItems bound the length of a list; both are 0 when nothing does.
	MinItems, MaxItems int
	Key                string
	pattern            *regexp.Regexp
}

// LimitsOf reads the tag of a field. It panics if nobody can read it.
func LimitsOf(sf reflect.StructField) Limits {
	tag := sf.Tag
	_, options, _ := strings.Cut(tag.Get("json"), ",")
	l := Limits{
		Field: sf.Name, Need: tag.Get("need"), OneOf: strings.Fields(tag.Get("oneOf")),
		Format: tag.Get("format"), Pattern: tag.Get("pattern"), Key: tag.Get("key"),
	}
	l.Required = l.Need != "" || options != "omitempty"
	l.Low, l.High = ends(tag.Get("range"))
	low, high := ends(tag.Get("items"))
	l.MinItems, l.MaxItems = int(low), int(high)
	if f, ok := formats[l.Format]; ok && f.pattern != nil {
		l.Pattern = f.pattern.String()
	} else if l.Format != "" && !ok {
		panic("resources: no such format: " + l.Format)
	}
	if p := tag.Get("pattern"); p != "" {
		l.pattern = regexp.MustCompile(p)
	}
	return l
}

// ends reads 1..10, and 0s..10s as nanoseconds.
func ends(text string) (low, high int64) {
	if text == "" {
		return 0, 0
	}
	from, to, ok := strings.Cut(text, "..")
	end := func(text string) int64 {
		if span, err := time.ParseDuration(text); err == nil {
			return int64(span)
		}
		n, err := strconv.ParseInt(text, 10, 64)
		ok = ok && (err == nil || text == "")
		return n
	}
	if low, high = end(from), end(to); !ok {
		panic("resources: no range: " + text)
	}
	return low, high
}

// A limited is a field and its limits.
type limited struct {
	Limits
	name  string // in JSON
	index []int
}

var limitCache sync.Map // reflect.Type → []limited

func limitsOf(t reflect.Type) []limited {
	if c, ok := limitCache.Load(t); ok {
		return c.([]limited)
	}
	fs := fieldsOf(t)
	list := make([]limited, 0, len(fs.names))
	for _, name := range fs.names {
		index := fs.index[name]
		list = append(list, limited{LimitsOf(t.FieldByIndex(index)), name, index})
	}
	limitCache.Store(t, list)
	return list
}

// limits checks every field of a struct, and of those inside it, against its limits.
func (e *Invalid) limits(path string, v reflect.Value) {
	for _, f := range limitsOf(v.Type()) {
		e.field(&f, joinPath(path, f.name), v.FieldByIndex(f.index))
	}
}

func (e *Invalid) field(f *limited, path string, v reflect.Value) {
	if v.IsZero() && v.Kind() != reflect.Struct {
		switch {
		case !f.Required:
			return
		case f.Need != "":
			e.Add(path, "", f.name+" is required; "+f.Need)
			return
		case v.Kind() == reflect.Pointer:
			e.Add(path, "", f.name+" is required")
			return
		}
	}
	e.value(&f.Limits, path, v)
}

func (e *Invalid) value(l *Limits, path string, v reflect.Value) {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch span, isSpan := v.Interface().(Duration); {
	case isSpan:
		if span.Duration < time.Duration(l.Low) || span.Duration > time.Duration(l.High) {
			e.Add(path, span.String(), fmt.Sprintf("write a duration from %.0fs to %.0fs", time.Duration(l.Low).Seconds(), time.Duration(l.High).Seconds()))
		}
	case v.Kind() == reflect.Struct:
		e.limits(path, v)
	case v.Kind() == reflect.Slice:
		e.list(l, path, v)
	case v.Kind() == reflect.String:
		e.text(l, path, v.String())
	case l.Format != "":
		e.text(l, path, fmt.Sprint(v.Interface()))
	case v.CanInt() && l.High != 0:
		if n := v.Int(); n < l.Low || n > l.High {
			e.Add(path, strconv.FormatInt(n, 10), fmt.Sprintf("write a number from %d to %d", l.Low, l.High))
		}
	}
}

func (e *Invalid) list(l *Limits, path string, v reflect.Value) {
	if n := v.Len(); l.MaxItems > 0 && (n < l.MinItems || n > l.MaxItems) {
		reason := fmt.Sprintf("the list has %d entries, ", n)
		switch l.MinItems {
		case 0:
			reason += fmt.Sprintf("at most %d are allowed", l.MaxItems)
		case l.MaxItems:
			reason += fmt.Sprintf("write exactly %d", l.MaxItems)
		default:
			reason += fmt.Sprintf("write %d to %d", l.MinItems, l.MaxItems)
		}
		if l.Need != "" {
			reason += "; " + l.Need
		}
		e.Add(path, "", reason)
	}
	seen := map[string]bool{}
	for i := range v.Len() {
		at := indexPath(path, i)
		e.value(l, at, v.Index(i))
		if l.Key == "" {
			continue
		}
		key := v.Index(i).FieldByIndex(fieldsOf(v.Type().Elem()).index[l.Key]).String()
		if key != "" && seen[key] {
			e.Add(joinPath(at, l.Key), key, "an entry before has this "+l.Key+"; give each another one")
		}
		seen[key] = true
	}
}

func (e *Invalid) text(l *Limits, path, text string) {
	if len(l.OneOf) > 0 {
		e.oneOf(path, text, l.OneOf...)
	}
	if l.pattern != nil && !l.pattern.MatchString(text) {
		e.Add(path, text, path+" in body should match '"+l.Pattern+"'")
	}
	if f := formats[l.Format]; f.fault != nil {
		if reason := f.fault(l.Field, text); reason != "" {
			e.Add(path, text, reason)
		}
	}
}
