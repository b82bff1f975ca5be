// Package status is what a node says about itself, and the way it is asked.
//
// A running node listens on a unix socket and answers
//
//	GET /v1/status
//
// with a Report as JSON. `calctl node status` is one client, `curl
// --unix-socket /run/calctl/calctl.sock http://calctl/v1/status` another. Who
// may ask is decided by the file system alone: the socket has mode 0660, so
// root and the members of its group.
//
// The three parts are Listen (the socket and its life), Serve (the HTTP
// server) and Client. The package imports the standard library only, so that a
// monitoring program can use it without getting a routing daemon with it.
//
// What has hurt others, and what is done about it here:
//
//   - calicoctl looks for processes by name, as root, and then reads BIRD's
//     table as text. A process of another name is "not running", and a column
//     more breaks the parser. Here the daemon itself answers, in JSON; a client
//     ignores fields it does not know, so old and new versions go together.
//   - A socket left behind by a killed daemon must not keep the next one from
//     starting, and a second daemon must not take the socket away from the
//     first. Asking "does anybody answer?" and then removing the file is a race
//     between two daemons that start at once. So the daemon holds a lock
//     (flock, which dies with its process) beside the socket for as long as it
//     lives, and only who holds the lock may replace a dead socket.
//   - A socket that is created with the umask's mode and then chmod-ed is open
//     to everybody for a moment. Linux gives a socket's file the mode of the
//     socket's own inode, so we set that before bind.
//   - A client that connects and says nothing, or says one byte a second,
//     costs a file descriptor for a few seconds and never more than a fixed
//     number of them. It can't slow down routing.
package status
