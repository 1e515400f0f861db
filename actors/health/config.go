package health

// Config says whose health it is.
type Config struct {
	// Upstream is the name of the upstream.
	Upstream string
}
