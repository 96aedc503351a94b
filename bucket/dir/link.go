package dir

import "os"

// linkNew is renameNew in two steps that every POSIX file system has. The file
// has two names in between, and the temporary one is removed on the next Open
// if it comes to that.
func linkNew(from, to string) error {
	if err := os.Link(from, to); err != nil {
		return err
	}
	return os.Remove(from)
}
