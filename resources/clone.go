package resources

import "reflect"

// Clone returns a copy of r that shares nothing with it.
func Clone(r Resource) Resource {
	c := TypeOf(r.Kind()).New()
	copyInto(reflect.ValueOf(c).Elem(), reflect.ValueOf(r).Elem())
	return c
}

// copyInto sets to, a zero value, to a deep copy of from. It walks the few kinds
// of value resources are made of; json.Number and the like are plain strings.
func copyInto(to, from reflect.Value) {
	switch from.Kind() {
	case reflect.Pointer:
		if !from.IsNil() {
			to.Set(reflect.New(from.Type().Elem()))
			copyInto(to.Elem(), from.Elem())
		}
	case reflect.Interface:
		if !from.IsNil() {
			inner := reflect.New(from.Elem().Type()).Elem()
			copyInto(inner, from.Elem())
			to.Set(inner)
		}
	case reflect.Struct:
		to.Set(from) // unexported fields too, such as those of a time
		for i := range from.NumField() {
			if from.Type().Field(i).IsExported() {
				to.Field(i).SetZero()
				copyInto(to.Field(i), from.Field(i))
			}
		}
	case reflect.Slice:
		if !from.IsNil() {
			to.Set(reflect.MakeSlice(from.Type(), from.Len(), from.Len()))
			for i := range from.Len() {
				copyInto(to.Index(i), from.Index(i))
			}
		}
	case reflect.Map:
		if !from.IsNil() {
			to.Set(reflect.MakeMapWithSize(from.Type(), from.Len()))
			for it := from.MapRange(); it.Next(); {
				elem := reflect.New(from.Type().Elem()).Elem()
				copyInto(elem, it.Value())
				to.SetMapIndex(it.Key(), elem)
			}
		}
	default:
		to.Set(from)
	}
}
