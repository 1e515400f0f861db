package notifier

// headers returns the headers of a live message: the attributes of CloudEvents
// 1.0 in binary mode, and the id by which NATS recognises duplicates.
func (c Config) headers(r Record) map[string]string {
	return map[string]string{
		"ce-specversion": "1.0",
		"ce-id":          r.ID,
		"ce-type":        r.Type,
		"ce-source":      "/" + c.Prefix + "/" + c.Member,
		"ce-time":        wireTime(r.Time),
		"Nats-Msg-Id":    r.ID,
	}
}
