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
		w, err := duckdb.Open(ctx, databaseFile(s.cfg), s.view, duckdb.Options{
			MemoryMB:      int(c.Memory >> 20),
			Threads:       c.Threads,
			RedshiftRules: c.Rules == "redshift",
			Designs:       s.cfg.Declared.Design,
			Log:           s.log,
		})
		if err != nil {
			return nil, err // and no warehouse that holds a nil
		}
		return w, nil
	case "redshift":
		o, at, errs := checkRedshift(s.cfg)
		err := errors.Join(errs...)
		if err != nil {
			return nil, err
		}
		if o.Login, err = redshiftLogin(ctx, c, at); err != nil {
			return nil, err
		}
		o.Manifests, o.Designs, o.Log = s.manifests, s.cfg.Declared.Design, s.log.With("stage", "load")
		w, err := redshift.Open(ctx, s.view, s.bufferBucket, o)
		if err != nil {
			return nil, err
		}
		return w, nil
	}
	return nil, nil
}

func databaseFile(cfg *config.Config) string { return filepath.Join(cfg.Data, "warehouse.duckdb") }

// checkRedshift is redshiftOptions, and tells everything that is wrong with the
// settings, as far as nobody need be asked.
func checkRedshift(cfg *config.Config) (o redshift.Options, at awslogin.Address, errs []error) {
	if cfg.Buckets == "" {
		errs = append(errs, errors.New("warehouse.kind is redshift, whose COPY reads from S3 only: set buckets to a place there"))
	}
	o, at, err := redshiftOptions(cfg.Warehouse)
	if err == nil {
		err = o.CheckConnection()
	}
	return o, at, append(errs, about("warehouse.url", err), about("warehouse", o.Check()))
}

// redshiftOptions tells where Redshift is and how to load; at is who AWS is asked
// to log in, unless the URL says it all.
func redshiftOptions(c config.Warehouse) (o redshift.Options, at awslogin.Address, err error) {
	o = redshift.Options{IAMRole: c.IAMRole, Schema: c.Schema}
	url := c.URL.Reveal()
	if url == "" {
		return o, at, errors.New("it is not set: want redshift://USER:PASSWORD@HOST:5439/DATABASE")
	}
	if rest, ok := strings.CutPrefix(url, "redshift://"); ok { // the driver knows PostgreSQL's word for it
		url = "postgres://" + rest
	}
	if c.Auth != "password" {
		if at, err = awslogin.ParseAddress(url); err != nil {
			return o, at, fmt.Errorf("with warehouse.auth %s: %w", c.Auth, err)
		}
		if at.User != "" && c.Cluster == "" {
			return o, at, fmt.Errorf("it names a user, and with warehouse.auth %s AWS does: leave it out", c.Auth)
		}
		url = at.URL
	}
	o.DSN = redshift.NewPassword(url)
	return o, at, nil
}

// redshiftLogin tells how to log in; nil if the URL says.
func redshiftLogin(ctx context.Context, c config.Warehouse, at awslogin.Address) (redshift.Login, error) {
	if c.Auth == "password" {
		return nil, nil
	}
	login, err := awslogin.Open(ctx, awslogin.Options{
		SecretARN: c.SecretARN, Cluster: c.Cluster, Workgroup: c.Workgroup, User: at.User, Database: at.Database,
	})
	if err != nil {
		return nil, fmt.Errorf("warehouse.auth %s: %w", c.Auth, err)
	}
	return login, nil
}
