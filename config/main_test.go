package config

import (
	"errors"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// mapEnv is an environment for tests.
func mapEnv(values map[string]string) Lookup {
	return func(name string) (string, bool) {
		value, set := values[name]
		return value, set
	}
}

// noEnv has no variables.
func noEnv(string) (string, bool) { return "", false }

func mustParse(t *testing.T, text string) *Config {
	t.Helper()
	cfg, err := Parse("weir.yaml", []byte(text), noEnv)
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	return cfg
}

// faultsOf returns the faults of an error, and fails when it is anything else.
func faultsOf(t *testing.T, err error) []Fault {
	t.Helper()
	var faults *Faults
	if !errors.As(err, &faults) || !errors.Is(err, ErrInvalid) || len(faults.List) == 0 {
		t.Fatalf("got %v, want *Faults", err)
	}
	return faults.List
}
