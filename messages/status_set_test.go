package messages

import "testing"

func TestParseStatusSet(t *testing.T) {
	tests := []struct {
		text, want string
		has, not   int
	}{
		{"200", "200", 200, 201},
		{"2xx", "200-299", 299, 300},
		{"200-204", "200-204", 204, 205},
		{" 200 , 301-302,5XX", "200,301-302,500-599", 599, 404},
		{"100-599", "100-599", 100, 600},
	}
	for _, tt := range tests {
		set, err := ParseStatusSet(tt.text)
		if err != nil || set.String() != tt.want || !set.Has(tt.has) || set.Has(tt.not) || set.Empty() {
			t.Errorf("%q: got %q, error %v; want %q with %d and without %d", tt.text, set, err, tt.want, tt.has, tt.not)
		}
	}
	for _, text := range []string{"", "2", "99", "600", "204-200", "+200", "200-+204", "0200", "6xx", "2x", "200,", "200;201", "-200", "200-"} {
		if set, err := ParseStatusSet(text); err == nil {
			t.Errorf("%q is taken for %q", text, set)
		}
	}
}

func FuzzParseStatusSet(f *testing.F) {
	for _, seed := range []string{"200", "2xx,404", "100-599", "200-204, 301", "+200", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		set, err := ParseStatusSet(text)
		if err != nil {
			return
		}
		again, err := ParseStatusSet(set.String())
		if err != nil || again != set {
			t.Errorf("%q prints as %q, which is read as %q, %v", text, set, again, err)
		}
	})
}
