package config

import (
	"strings"
	"testing"
)

func TestVariables(t *testing.T) {
	env := mapEnv(map[string]string{"A": "1", "EMPTY": "", "_b2": "x", "YAML": "}\nadmin: {addr: evil}\n#"})
	for _, test := range []struct{ text, want, problem string }{
		{text: "plain", want: "plain"},
		{text: "${A}", want: "1"},
		{text: "a${A}b${_b2}c", want: "a1bxc"},
		{text: "${NONE:-x y}", want: "x y"},
		{text: "${EMPTY:-x}", want: "x"},
		{text: "${A:-x}", want: "1"},
		{text: "${NONE:-}", want: ""},
		{text: "${EMPTY}", want: ""},
		{text: "$1 $A $$ $", want: "$1 $A $$ $"},
		{text: "$${A}", want: "${A}"},
		{text: "$$${A}", want: "$${A}"},
		{text: "$${${A}", want: "${1"},
		{text: "${NONE:-${A}}", want: "${A}"},
		{text: "${NONE}", problem: "NONE is not set"},
		{text: "${A", problem: `has no "}"`},
		{text: "${}", problem: "is not the name"},
		{text: "${1}", problem: "is not the name"},
		{text: "${A-x}", problem: "is not the name"},
	} {
		t.Run(test.text, func(t *testing.T) {
			got, _, problem := expand(test.text, env)
			if test.problem == "" && (got != test.want || problem != "") || test.problem != "" && !strings.Contains(problem, test.problem) {
				t.Errorf("got %q, %q; want %q, %q", got, problem, test.want, test.problem)
			}
		})
	}
	t.Run("a value cannot become structure", func(t *testing.T) {
		_, err := Parse("", []byte("listeners: [{addr: \":1\"}]\ndata_dir: ${YAML}\n"), env)
		if faults := faultsOf(t, err); len(faults) != 1 || faults[0].Path != "data_dir" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("keys are not expanded", func(t *testing.T) {
		_, err := Parse("", []byte("listeners: [{addr: \":1\"}]\n\"${A}\": 1\n"), env)
		if faults := faultsOf(t, err); len(faults) != 1 || faults[0].Path != "${A}" {
			t.Errorf("got %v", err)
		}
	})
}

func TestEscapedTextExpandsToItself(t *testing.T) {
	for _, text := range []string{"", "$", "${", "$${", "$$${A}", "a${A}$${B}$", "$$$${"} {
		got, names, problem := expand(escapeVariables(text), nil)
		if got != text || len(names) > 0 || problem != "" {
			t.Errorf("%q became %q, %q", text, got, problem)
		}
	}
}
