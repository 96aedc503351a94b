package pipeline

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/ikada-io/ikada/config"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/duckdb"
	"github.com/ikada-io/ikada/warehouse/redshift"
	"github.com/ikada-io/ikada/warehouse/redshift/awslogin"
)

// openWarehouse opens what the setting warehouse.kind names; nil for none.
func (s *store) openWarehouse(ctx context.Context) (warehouse.Warehouse, error) {
	switch c := s.cfg.Warehouse; c.Kind {
	case "duckdb":
		w, err := duckdb.Open(ctx, filepath.Join(s.cfg.Data, "warehouse.duckdb"), s.archive, duckdb.Options{
			MemoryMB: int(c.Memory >> 20),
			Threads:  c.Threads,
			Designs:  s.cfg.Declared.Design,
			Log:      s.log,
		})
		if err != nil {
			return nil, err // and no warehouse that holds a nil
		}
		return w, nil
	case "redshift":
		if s.cfg.Buckets == "" {
			return nil, errors.New("warehouse.kind is redshift, whose COPY reads from S3 only: set buckets to a place there")
		}
		dsn, login, err := redshiftLogin(ctx, c)
		if err != nil {
			return nil, err
		}
		w, err := redshift.Open(ctx, s.archive, s.bufferBucket, redshift.Options{
			DSN:       dsn,
			Login:     login,
			IAMRole:   c.IAMRole,
			Schema:    c.Schema,
			Manifests: s.manifests,
			Designs:   s.cfg.Declared.Design,
			Log:       s.log.With("stage", "load"),
		})
		if err != nil {
			return nil, err
		}
		return w, nil
	}
	return nil, nil
}

// redshiftLogin tells where Redshift is and who logs in; no login if the URL says.
func redshiftLogin(ctx context.Context, c config.Warehouse) (redshift.Password, redshift.Login, error) {
	url := c.URL.Reveal()
	if rest, ok := strings.CutPrefix(url, "redshift://"); ok { // the driver knows PostgreSQL's word for it
		url = "postgres://" + rest
	}
	if c.Auth == "password" {
		return redshift.NewPassword(url), nil, nil
	}
	at, err := awslogin.ParseAddress(url)
	if err != nil {
		return redshift.Password{}, nil, fmt.Errorf("warehouse.url, with warehouse.auth %s: %w", c.Auth, err)
	}
	if at.User != "" && c.Cluster == "" {
		return redshift.Password{}, nil, fmt.Errorf("warehouse.url names a user, and with warehouse.auth %s AWS does: leave it out", c.Auth)
	}
	login, err := awslogin.Open(ctx, awslogin.Options{
		SecretARN: c.SecretARN, Cluster: c.Cluster, Workgroup: c.Workgroup, User: at.User, Database: at.Database,
	})
	if err != nil {
		return redshift.Password{}, nil, fmt.Errorf("warehouse.auth %s: %w", c.Auth, err)
	}
	return redshift.NewPassword(at.URL), login, nil
}
