package certs

import "time"

// Notice is something that people should know: Expiring, Refused or Reloaded.
type Notice interface{ notice() }

// Expiring says that a certificate in use ends within 30, 14, 7 or 1 days, or
// has ended. Each is told once for a certificate, and only the nearest.
type Expiring struct {
	// Files are those that the certificate is in, as configured, sorted.
	Files []string
	// Names are what it is for.
	Names    []string
	NotAfter time.Time
	// EndsWith is the subject of the certificate in the chain that ends; empty = it
	// is the certificate itself.
	EndsWith string
	// DaysLeft is rounded up; 0 = it has ended.
	DaysLeft int
	// UsedBy are those who use it, sorted.
	UsedBy []string
}

// Refused says that files changed to what cannot be used, and stayed so for
// Options.Patience. What was in force before stays so.
type Refused struct {
	// File is that of the certificate or the authorities, as configured; Err names
	// the file at fault and says what to do.
	File string
	Err  error
	// Names and NotAfter are of what stays in force.
	Names    []string
	NotAfter time.Time
	UsedBy   []string
}

// Reloaded says that what files have now is in force for new connections. After a
// Refused it is also told when they have again what was in force all the time.
type Reloaded struct {
	File     string
	Names    []string
	NotAfter time.Time
	// Serial is the certificate's serial number, hexadecimal.
	Serial string
	UsedBy []string
}

func (Expiring) notice() {}
func (Refused) notice()  {}
func (Reloaded) notice() {}
