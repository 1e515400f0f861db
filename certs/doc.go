// Package certs keeps the certificates, keys and authorities that weir reads
// from files, for listeners and for upstreams, and reads them again when they change.
//
// Owns: the files' content as it is in force, shared between all who use the
// same files; what a handshake takes of it (the certificate for a name, the
// authorities that are trusted); the notices about what ends or was replaced.
//
// In: names of PEM files, in ServerOptions and ClientOptions. Run looks at the
// files each second; Look does so once. Out: a tls.Config for a listener
// (Server.Config), one for each dial (Client.Config), Certificates for metrics
// and API, Warnings and Check for people, Notice values through Options.Tell.
//
// Order: what a Look found good is in force for every handshake that begins
// after it; connections keep what they began with. A handshake takes no lock of ours but
// the first after a change. Notices are told one after the other, from Look.
//
// Failure: files that cannot be used when they are first asked for are an error.
// Later the last good content stays in force, however the files are damaged or
// removed. A certificate that was replaced before its key only does not match yet;
// what stays unusable for Options.Patience is told as Refused, each content once.
package certs
