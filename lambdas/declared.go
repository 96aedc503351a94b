package lambdas

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/ikada-io/ikada/bucket/s3"
	"github.com/ikada-io/ikada/config"
	"github.com/ikada-io/ikada/declare"
)

// Names of the settings of declared log types.
const (
	configFile = "IKADA_CONFIG" // an ikada.yaml: s3://BUCKET/KEY, or the text itself
	hashSecret = "IKADA_HASH_SECRET"
)

// declared reads the declarations of log types; of the rest of the file nothing
// has a meaning here, though it must be right. A function whose declarations
// cannot be read does not start: it would store what is to be kept out.
func declared(ctx context.Context, file, secret string) (*declare.Set, error) {
	if file == "" {
		return nil, nil
	}
	name, text := configFile, []byte(file)
	if strings.HasPrefix(file, "s3://") {
		var err error
		if name, text, err = fetch(ctx, file); err != nil {
			return nil, fmt.Errorf("%s: %w", configFile, err)
		}
	}
	var env []string
	if secret != "" {
		env = append(env, hashSecret+"="+secret)
	}
	c, err := config.Read(name, text, env)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", configFile, err)
	}
	return c.Declared, nil
}

// noSecret stands for the secret in functions that hash nothing, and so are not
// given it.
func noSecret() string { return rand.Text() }

// fetch reads an object: s3://BUCKET/KEY, with a query as buckets have it.
func fetch(ctx context.Context, url string) (key string, text []byte, err error) {
	place, query, asked := strings.Cut(url, "?")
	folder, key := place[:strings.LastIndexByte(place, '/')], place[strings.LastIndexByte(place, '/')+1:]
	if folder == "s3:/" || key == "" {
		return "", nil, fmt.Errorf("%q names no object: want s3://BUCKET/KEY", url)
	}
	if asked {
		folder += "?" + query
	}
	o, err := s3.Parse(folder)
	if err != nil {
		return "", nil, err
	}
	from, err := s3.Open(ctx, o)
	if err != nil {
		return "", nil, err
	}
	if text, err = from.Get(ctx, key, 0, -1, nil); err != nil {
		return "", nil, fmt.Errorf("read %s: %w", place, err)
	}
	return key, text, nil
}
