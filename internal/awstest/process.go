package awstest

import (
	"fmt"
	"net"
	"os/exec"
	"testing"

	"github.com/ikada-io/ikada/internal/proc"
)

// process is a server that runs beside the test.
type process struct {
	cmd    *exec.Cmd
	output proc.Output
	exited chan struct{} // closed when it has ended
}

func run(path string, args ...string) (*process, error) {
	return runCommand(exec.Command(path, args...))
}

func runCommand(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, exited: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is in cmd.ProcessState
		close(p.exited)
	}()
	return p, nil
}

func (p *process) stop() {
	_ = p.cmd.Process.Kill() // the only error is that it has ended already
	<-p.exited
}

// FreeAddress returns an address of this machine that nobody listens on just now.
func FreeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func freeAddress(t testing.TB) string {
	t.Helper()
	address, err := FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return address
}
