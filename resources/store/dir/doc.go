// Package dir keeps resources in a folder, one YAML file each, to be read and
// edited with vi, grep and git like any other configuration:
//
//	/var/lib/calctl/bgppeers/rack1.yaml
//	/var/lib/calctl/secrets/rack1.yaml      mode 0600, its folder 0700
//	/var/lib/calctl/.lock
//
// A file holds what the user wrote, a uid and a creation time; these two may be
// left out by hand, kind and apiVersion may not. There is no version in it: the
// version of a resource is a hash of the file, so an edit by hand is a new
// version without anybody's help. Hidden files, editors' backups, READMEs and
// folders we do not know are none of our business.
//
// Writing. A writer holds an flock on .lock for as long as it takes to compare
// the version and put the file in place, or to write all resources of one
// command (Lock). A file is put in place whole: a temporary file in the same folder,
// fsync, rename, fsync of the folder. At any moment, also after kill -9 or a
// power cut, the old file or the new one is there, whole. The kernel drops the
// lock of a killed writer, the next one clears away its temporary file. Readers
// take no lock. A write that changes nothing leaves the file and its comments
// alone. flock must work: it does on local disks and NFSv4.
//
// Watching. inotify says where to look, never what happened: changes are
// gathered until it has been quiet for 20 ms (200 ms at most), then those files
// are read again. Every ten seconds, and whenever events may have been lost, all
// files are compared by size, times and inode. Without inotify (its limits are
// per user and small) that comparison is made each second, and Health says so.
// A file that is missing at one look and back at the next was being saved, not
// deleted. If the whole folder goes away the last state stays in force and
// Health reports it: an unmounted disk must not take every session down.
//
// A file that can't be used is reported in Snapshot.Broken, and what it said
// when it was last good stays in force. That memory is the process's: after a
// restart a broken file is only broken. A secret that other users can read (file
// and folder both open to them) is treated so too: a snapshot has no place for
// warnings, and a password half the machine knows must not pass in silence.
// chmod 700 on the folder mends all of them at once, say after a git clone.
//
// What has hurt others: editors that rename over the file, so that a watch on
// the file dies with the old inode (watch folders); git, which replaces folders
// under a running watch; temporary files in /tmp, where rename is a copy; and
// rename without fsync, which after a power cut leaves empty files.
package dir
