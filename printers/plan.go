package printers

import "io"

// PlanFormats are the names PlanByName knows, for people.
const PlanFormats = "yaml, json"

// PlanByName finds what writes the document of a plan, whatever its type, in the
// format an -o flag names; nil when there is none.
func PlanByName(format string) func(w io.Writer, document any) error {
	switch format {
	case "yaml", "yml":
		return writeYAML
	case "json":
		return writeJSON
	}
	return nil
}
