package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ikada-io/ikada/config"
	"github.com/ikada-io/ikada/internal/cli"
	"github.com/ikada-io/ikada/pipeline"
)

// server is how a command finds a running Ikada.
type server struct {
	data, url, token string
	config           string // for what works without a running Ikada
}

// flags adds the flags that name a server.
func (s *server) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.data, "data", "", "data `directory` of the running Ikada, which tells where it listens (default: that of the settings, as for ikada up)")
	s.addressFlags(cmd)
}

// addressFlags adds those that name it by its address.
func (s *server) addressFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.url, "url", "", "address of the running Ikada: http://HOST:PORT (environment IKADA_URL)")
	f.StringVar(&s.token, "token", "", "one of the server's http.tokens (environment IKADA_TOKEN)")
}

// reachFlags adds the flags of what works without a running Ikada, too.
func (s *server) reachFlags(cmd *cobra.Command) {
	s.flags(cmd)
	cmd.Flags().StringVar(&s.config, "config", "", "configuration `file` that tells where buckets and tables are (default "+config.DefaultFile+", if it is there)")
}

// client returns a client of the server that was named, by flags before the
// environment.
func (s *server) client(env []string) (*cli.Client, error) {
	token := s.token
	if token == "" {
		token = getenv(env, "IKADA_TOKEN")
	}
	url := s.url
	if url == "" && s.data == "" {
		url = getenv(env, "IKADA_URL")
	}
	if url != "" {
		c, err := cli.NewClient(url, token)
		if err != nil {
			return nil, usageError{err}
		}
		return c, nil
	}
	dir, err := dataDir(s.data, env)
	if err != nil {
		return nil, err
	}
	return cli.Find(dir, token)
}

// reach returns a client of the server that was named. Where none runs with the
// data directory, the client is of its buckets and tables themselves, as the
// settings say where they are. Close what it returns.
func (s *server) reach(ctx context.Context, a *app) (*cli.Client, io.Closer, error) {
	if s.url != "" || s.data == "" && getenv(a.env, "IKADA_URL") != "" {
		c, err := s.client(a.env)
		return c, io.NopCloser(nil), err
	}
	given := map[string]string{}
	if s.data != "" {
		given["data"] = s.data
	}
	cfg, err := config.Load(s.config, a.env, given)
	if err != nil {
		return nil, nil, err
	}
	c, none := cli.Find(cfg.Data, cmp.Or(s.token, getenv(a.env, "IKADA_TOKEN")))
	if none == nil && c.Alive(ctx) {
		return c, io.NopCloser(nil), nil
	}
	tools, err := pipeline.OpenTools(ctx, cfg, newLog(a.err, cfg.Log))
	if errors.Is(err, fs.ErrNotExist) && none != nil {
		err = none
	}
	if err != nil {
		return nil, nil, err
	}
	return cli.NewInProcess(tools.Handler()), tools, nil
}

// dataDir returns the data directory that was named, or that of the configuration.
func dataDir(named string, env []string) (string, error) {
	if named != "" {
		return named, nil
	}
	cfg, err := config.Load("", env, nil)
	if err != nil {
		return "", err
	}
	return cfg.Data, nil
}

func getenv(env []string, name string) string {
	for _, e := range env {
		if text, ok := strings.CutPrefix(e, name+"="); ok {
			return text
		}
	}
	return ""
}
