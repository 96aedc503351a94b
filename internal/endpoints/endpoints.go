// Package endpoints is how a running Ikada tells the commands of the same
// machine where it listens: a small file in its data directory. Ports that were
// chosen at the start (":0") are found by it.
package endpoints

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// File is the file's name in the data directory.
const File = "endpoints.json"

// Endpoints is where a running Ikada listens.
type Endpoints struct {
	Forward string    `json:"forward,omitempty"` // host:port, empty if it is off
	HTTP    string    `json:"http,omitempty"`    // http://host:port or https://host:port, empty if it is off
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
}

// ErrNotRunning: the data directory has no endpoints.
var ErrNotRunning = errors.New("no Ikada runs with this data directory")

// Write writes the file at once as a whole. Everyone may read it: it holds no
// secret.
func (e Endpoints) Write(dir string) error {
	data, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return fmt.Errorf("write endpoints: %w", err)
	}
	temp, err := os.CreateTemp(dir, File+".*")
	if err != nil {
		return fmt.Errorf("write endpoints: %w", err)
	}
	_, err = temp.Write(append(data, '\n'))
	err = errors.Join(err, temp.Chmod(0o644), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), filepath.Join(dir, File))
	}
	if err != nil {
		return fmt.Errorf("write endpoints: %w", errors.Join(err, os.Remove(temp.Name())))
	}
	return nil
}

// Read reads the file. The error wraps ErrNotRunning if there is none.
func Read(dir string) (Endpoints, error) {
	name := filepath.Join(dir, File)
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return Endpoints{}, fmt.Errorf("%w (%s is not there): start one with `ikada up --data %s`, name another directory with --data, or a server with --url", ErrNotRunning, name, dir)
	}
	if err != nil {
		return Endpoints{}, fmt.Errorf("read endpoints: %w", err)
	}
	var e Endpoints
	if err := json.Unmarshal(data, &e); err != nil {
		return Endpoints{}, fmt.Errorf("read endpoints: %s: %w: restart Ikada to write it anew, or name the server with --url", name, err)
	}
	return e, nil
}

// Remove removes the file. If there is none, that is no error.
func Remove(dir string) error {
	if err := os.Remove(filepath.Join(dir, File)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove endpoints: %w", err)
	}
	return nil
}
