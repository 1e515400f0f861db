package dockertest

import (
	"encoding/json"
	"fmt"
	"time"
)

// Container is a container as the engine tells of it, on network "bridge" of the
// machine that the test runs on: its gateway is the machine's loopback.
type Container struct {
	// ID is the id; the name is "name-" and the id.
	ID     string
	Labels map[string]string
	// Addr is its IP address; empty = it has none.
	Addr string
	// Port is the TCP port that its image exposes; 0 = 8080.
	Port int
	// State is as in "paused"; empty = running. What is not running, paused or
	// restarting is not listed.
	State string
	// StartedAt is when it was started; zero = when it was put there.
	StartedAt time.Time
}

func (c Container) withDefaults(now time.Time) Container {
	if c.Port == 0 {
		c.Port = 8080
	}
	if c.State == "" {
		c.State = "running"
	}
	if c.StartedAt.IsZero() {
		c.StartedAt = now
	}
	return c
}

func (c Container) listed() bool {
	return c.State == "running" || c.State == "paused" || c.State == "restarting"
}

func (c Container) networks() map[string]any {
	return map[string]any{"Networks": map[string]any{"bridge": map[string]any{
		"NetworkID": "n0", "Gateway": "127.0.0.1", "IPAddress": c.Addr, "IPPrefixLen": 16}}}
}

// Summary is the container as an entry of the list.
func (c Container) Summary() string {
	c = c.withDefaults(time.Unix(1795403792, 0))
	return object(map[string]any{"Id": c.ID, "Names": []string{"/name-" + c.ID}, "Image": "x", "Created": 1795403791,
		"Ports":  []any{map[string]any{"PrivatePort": c.Port, "Type": "tcp"}},
		"Labels": c.Labels, "State": c.State, "Status": "Up 1 second", "HostConfig": map[string]any{"NetworkMode": "default"},
		"NetworkSettings": c.networks(), "Mounts": []any{}})
}

// Inspection is the answer to an inspection of the container.
func (c Container) Inspection() string {
	c = c.withDefaults(time.Unix(1795403792, 0))
	port := fmt.Sprintf("%d/tcp", c.Port)
	settings := c.networks()
	settings["Ports"] = map[string]any{port: nil}
	return object(map[string]any{"Id": c.ID, "Created": "2026-11-23T03:16:31Z", "Name": "/name-" + c.ID,
		"State":      map[string]any{"Status": c.State, "Running": c.State == "running", "StartedAt": c.StartedAt.UTC().Format(time.RFC3339Nano)},
		"HostConfig": map[string]any{"NetworkMode": "default"},
		"Config":     map[string]any{"Labels": c.Labels, "ExposedPorts": map[string]any{port: map[string]any{}}}, "NetworkSettings": settings})
}

// Event is an event about the container, as a line of the stream, told at that
// time. more are attributes: a name, its value, and so on.
func (c Container) Event(action string, at time.Time, more ...string) string {
	attributes := map[string]string{"name": "name-" + c.ID, "image": "x"}
	for label, value := range c.Labels {
		attributes[label] = value
	}
	for i := 0; i+1 < len(more); i += 2 {
		attributes[more[i]] = more[i+1]
	}
	return object(map[string]any{"Type": "container", "Action": action, "timeNano": at.UnixNano(),
		"Actor": map[string]any{"ID": c.ID, "Attributes": attributes}})
}

// object prints a JSON object of values that cannot fail to be printed.
func object(o map[string]any) string {
	text, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return string(text)
}
