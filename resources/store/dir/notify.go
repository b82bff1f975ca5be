package dir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/fsnotify/fsnotify"

	"github.com/calctl/calctl/resources"
)

// A notifier hears of changes in the folder and in the folders of the kinds. A
// watch belongs to an inode, not to a name: when a folder is replaced, the old
// watch is deaf without saying so.
type notifier struct {
	*fsnotify.Watcher
	folders map[string]fs.FileInfo // those that are listened to
}

func newNotifier() (*notifier, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, limits(err)
	}
	return &notifier{w, map[string]fs.FileInfo{}}, nil
}

// errReplaced: a folder that was listened to is another one now. What fsnotify
// remembers under its name may be mixed up; a new notifier is not.
var errReplaced = errors.New("a watched folder was replaced")

// listen makes sure that all folders of the store which are there are heard.
// While the store itself is missing, the folder it will appear in is.
func (n *notifier) listen(path string) error {
	if err := n.add(path); err != nil {
		return err
	}
	parent := filepath.Dir(path)
	if n.folders[path] == nil {
		return n.add(parent)
	}
	if n.folders[parent] != nil {
		_ = n.Remove(parent) // it may be busy with things that are not ours
		delete(n.folders, parent)
	}
	for _, t := range resources.Types() {
		if err := n.add(filepath.Join(path, t.Plural)); err != nil {
			return err
		}
	}
	return nil
}

func (n *notifier) add(folder string) error {
	info, err := os.Stat(folder)
	if heard := n.folders[folder]; heard != nil {
		if err == nil && os.SameFile(heard, info) && slices.Contains(n.WatchList(), folder) {
			return nil
		}
		return errReplaced
	}
	if err != nil || !info.IsDir() {
		return nil // the look at it says what is wrong
	}
	switch err := n.Add(folder); {
	case err == nil:
		n.folders[folder] = info
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return nil
	default:
		return limits(fmt.Errorf("%s: %w", folder, err))
	}
}

// limits adds what to do to the errors inotify gives for being asked too much.
func limits(err error) error {
	switch {
	case errors.Is(err, syscall.EMFILE):
		return fmt.Errorf("%w: raise fs.inotify.max_user_instances", err)
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%w: raise fs.inotify.max_user_watches", err)
	}
	return err
}
