package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestASecretIsNeverPrinted(t *testing.T) {
	const token = "correct-horse"
	holder := struct{ Auth Auth }{Auth{OperatorToken: NewSecret(token)}}
	var logged bytes.Buffer
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "secret", holder.Auth.OperatorToken, "holder", holder)
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "secret", holder.Auth.OperatorToken, "holder", holder)
	encoded, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	shown := []string{logged.String(), string(encoded), fmt.Errorf("x: %w", fmt.Errorf("%v", holder)).Error()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		shown = append(shown, fmt.Sprintf(verb, holder), fmt.Sprintf(verb, &holder), fmt.Sprintf(verb, holder.Auth.OperatorToken))
	}
	for _, text := range shown {
		if strings.Contains(text, token) || strings.Contains(text, fmt.Sprintf("%x", token)) || strings.Contains(text, fmt.Sprintf("%X", token)) {
			t.Errorf("printed: %s", text)
		}
	}
	if NewSecret(token).Reveal() != token || NewSecret("").String() != "" || NewSecret(token).String() != redacted {
		t.Error("Reveal or String is wrong")
	}
}
