package config

// Parse reads a file's bytes over the defaults.
func Parse(name string, data []byte) (*Config, error) {
	l, err := newLoader()
	if err != nil {
		return nil, err
	}
	l.yaml(name, data)
	return l.finish()
}
