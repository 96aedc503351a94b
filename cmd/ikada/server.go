package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/ikada-io/ikada/config"
	"github.com/ikada-io/ikada/internal/cli"
)

// server is how a command finds a running Ikada.
type server struct {
	data, url, token string
}

// flags adds the flags that name a server.
func (s *server) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.data, "data", "", "data directory of the running Ikada, which tells where it listens (default as for `ikada up`)")
	f.StringVar(&s.url, "url", "", "address of the running Ikada: http://HOST:PORT (environment IKADA_URL)")
	f.StringVar(&s.token, "token", "", "one of the server's http.tokens (environment IKADA_TOKEN)")
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
