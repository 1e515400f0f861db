package config

import (
	"fmt"
	"strings"
)

// Lookup finds an environment variable; os.LookupEnv is one.
type Lookup = func(name string) (string, bool)

// expand puts environment variables into a text: ${NAME}, and ${NAME:-default}
// for one that is not set or empty. $${ stands for a ${ that is meant as it is;
// every other $ stands for itself. It returns the names that were used.
func expand(text string, env Lookup) (expanded string, names []string, problem string) {
	if !strings.Contains(text, "${") {
		return text, nil, ""
	}
	var b strings.Builder
	for rest := text; rest != ""; {
		if strings.HasPrefix(rest, "$${") {
			b.WriteString("${")
			rest = rest[len("$${"):]
			continue
		}
		if !strings.HasPrefix(rest, "${") {
			b.WriteByte(rest[0])
			rest = rest[1:]
			continue
		}
		inner, after, closed := strings.Cut(rest[len("${"):], "}")
		if !closed {
			return "", nil, `a "${" has no "}"; write $${ for one that is meant as it is`
		}
		value, name, problem := variable(inner, env)
		if problem != "" {
			return "", nil, problem
		}
		b.WriteString(value)
		names = append(names, name)
		rest = after
	}
	return b.String(), names, ""
}

// variable returns what stands for ${inner}.
func variable(inner string, env Lookup) (value, name, problem string) {
	name, fallback, optional := strings.Cut(inner, ":-")
	if !isVariableName(name) {
		return "", "", fmt.Sprintf("%s is not the name of an environment variable; write $${ for a ${ that is meant as it is", quote(name))
	}
	if env == nil {
		return "", "", fmt.Sprintf("variables are not taken here; write $${ for a ${ that is meant as it is: %s", quote("${"+inner+"}"))
	}
	value, set := env(name)
	switch {
	case value != "":
		return value, name, ""
	case optional:
		return fallback, name, ""
	case !set:
		return "", "", fmt.Sprintf("the environment variable %s is not set; ${%s:-value} gives it a default", name, name)
	}
	return "", name, ""
}

func isVariableName(name string) bool {
	for i, r := range name {
		letter := r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}

// escapeVariables writes text so that expand returns it.
func escapeVariables(text string) string { return strings.ReplaceAll(text, "${", "$${") }
