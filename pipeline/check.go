package pipeline

import (
	"errors"
	"fmt"

	"github.com/ikada-io/ikada/config"
	"github.com/ikada-io/ikada/warehouse/duckdb"
)

// Check tells everything that keeps a pipeline with these settings from starting,
// as far as the settings and the files that they name tell. Whether ports are
// free, and what is at the other end of a network, a start tells.
func Check(cfg *config.Config) error {
	var errs []error
	if cfg.Buckets != "" {
		_, err := placeInS3(cfg)
		errs = append(errs, err)
	}
	switch cfg.Warehouse.Kind {
	case "duckdb":
		errs = append(errs, about("data", duckdb.CheckPath(databaseFile(cfg))))
	case "redshift":
		_, _, wrong := checkRedshift(cfg)
		errs = append(errs, wrong...)
	}
	errs = append(errs, about("stream", streamOptions(cfg).Check()))
	if cfg.Forward.Listen != "" {
		_, err := loadTLS("forward.tls", cfg.Forward.TLS)
		errs = append(errs, err)
	}
	if cfg.HTTP.Listen != "" {
		_, err := loadTLS("http.tls", cfg.HTTP.TLS)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// about names the setting that an error is about, if there is one.
func about(setting string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", setting, err)
}
