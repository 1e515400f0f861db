package notifier

// Config says who speaks.
type Config struct {
	// Prefix is the first token, or tokens, of every subject: "weir".
	Prefix string
	// Member is the name of this instance.
	Member string
	// Incarnation differs at each start of the process, so that ids do.
	Incarnation string
}
