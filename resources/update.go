package resources

import "fmt"

// ValidateUpdate returns an Invalid when replacing old by new would change a
// field that must stay as it was created, or nil. Both are defaulted.
func ValidateUpdate(old, new Resource) error {
	if KeyOf(old) != KeyOf(new) {
		return fmt.Errorf("%s cannot become %s: create the one, delete the other", KeyOf(old), KeyOf(new))
	}
	var bad Invalid
	if new, ok := new.(*IPPool); ok {
		new.validateUpdate(old.(*IPPool), &bad)
	}
	return bad.Err()
}
