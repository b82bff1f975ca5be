package speaker

import (
	"testing"

	"github.com/calctl/calctl/node/lab"
)

// TestMain gives the tests port 179 and links to the namespaces of real BIRDs.
func TestMain(m *testing.M) { lab.Main(m) }
