package dir

// Unwatchable makes every attempt to get a notifier fail as why says, until
// that returns nil.
func Unwatchable(why func() error) Option {
	return func(s *Store) {
		s.notify = func() (*notifier, error) {
			if err := why(); err != nil {
				return nil, limits(err)
			}
			return newNotifier()
		}
	}
}

// The names tests look for.
const (
	Temporary = temporary
	LockFile  = lockFile
)
