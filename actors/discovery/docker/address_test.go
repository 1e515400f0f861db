package docker

import (
	"net/netip"
	"strings"
	"testing"
)

// on returns a container on these networks: name/id/address/gateway.
func on(mode string, networks ...string) *container {
	c := &container{id: "c", name: "c", state: stateRunning, networkMode: mode}
	for _, text := range networks {
		f := strings.Split(text, "/")
		c.networks = append(c.networks, endpoint{name: f[0], id: f[1], addr: parseAddr(f[2]), gateway: parseAddr(f[3])})
	}
	return c
}

func (c *container) publishing(port int, ip string, hostPort int) *container {
	c.bindings = append(c.bindings, binding{port: port, hostIP: parseAddr(ip), hostPort: hostPort})
	c.tidy()
	return c
}

func TestAddressOf(t *testing.T) {
	host := placement{local: []netip.Prefix{netip.MustParsePrefix("172.17.0.1/16"), netip.MustParsePrefix("172.18.0.1/16"), netip.MustParsePrefix("10.9.0.7/24")},
		host: netip.MustParseAddr("127.0.0.1"), loopback: true}
	inside := placement{self: "w", shared: []string{"n2"}, host: netip.MustParseAddr("172.18.0.1")}
	remote := placement{host: netip.MustParseAddr("192.0.2.9")}
	bridge, front := "bridge/n1/172.17.0.5/172.17.0.1", "front/n2/172.18.0.5/172.18.0.1"
	lan := "lan/n3/10.9.0.50/10.9.0.1" // macvlan: the machine is on that network too, and does not reach it
	tests := []struct {
		name    string
		at      placement
		c       *container
		network string
		mode    PeerAddr
		want    string // of the address, or of the error
		warns   bool
	}{
		{"the bridge of this machine", host, on("default", bridge), "", PeerAddrAuto, "172.17.0.5:80", false},
		{"two bridges: the first, with a warning", host, on("default", bridge, front), "", PeerAddrAuto, "172.17.0.5:80", true},
		{"two bridges and a label", host, on("default", bridge, front), "front", PeerAddrAuto, "172.18.0.5:80", false},
		{"a label that names none of them", host, on("default", bridge), "front", PeerAddrAuto, `no address on network "front", it is on bridge`, false},
		{"a network that is not this machine's, published", host, on("lan", lan).publishing(80, "0.0.0.0", 32768), "", PeerAddrAuto, "127.0.0.1:32768", false},
		{"a network that is not this machine's", host, on("lan", lan), "", PeerAddrAuto, "weir shares no network with it (it is on lan), and port 80 is not published", false},
		{"that network all the same", host, on("lan", lan), "", PeerAddrNetwork, "10.9.0.50:80", false},
		{"an inner network without a gateway", host, on("x", "x/n4/172.18.0.9/"), "", PeerAddrAuto, "172.18.0.9:80", false},
		{"the host's network", host, on("host", "host/h//"), "", PeerAddrAuto, "127.0.0.1:80", false},
		{"no network", host, on("none", "none/z//"), "", PeerAddrNetwork, errNoNetwork.Error(), false},
		{"published only", host, on("default", bridge).publishing(80, "::", 8081).publishing(80, "0.0.0.0", 8080), "", PeerAddrPublished, "127.0.0.1:8080", false},
		{"published at one address", host, on("default", bridge).publishing(80, "192.0.2.2", 8080), "", PeerAddrPublished, "192.0.2.2:8080", false},
		{"another port is published", host, on("default", bridge).publishing(81, "0.0.0.0", 8080), "", PeerAddrPublished, "port 80 is not published", false},
		{"the network shared with weir", inside, on("default", bridge, front), "", PeerAddrAuto, "172.18.0.5:80", false},
		{"nothing shared, published", inside, on("default", bridge).publishing(80, "0.0.0.0", 8080), "", PeerAddrAuto, "172.18.0.1:8080", false},
		{"nothing shared, published on loopback", inside, on("default", bridge).publishing(80, "127.0.0.1", 8080), "", PeerAddrAuto, "which weir does not reach", false},
		{"the host's network, from a container", inside, on("host"), "", PeerAddrAuto, "172.18.0.1:80", false},
		{"the host's network, without a gateway", placement{self: "w"}, on("host"), "", PeerAddrAuto, errNoHost.Error(), false},
		{"an engine elsewhere", remote, on("default", bridge).publishing(80, "", 8080), "", PeerAddrAuto, "192.0.2.9:8080", false},
		{"an engine elsewhere, nothing published", remote, on("default", bridge), "", PeerAddrAuto, "port 80 is not published", false},
		{"the network of a container that is gone", host, on("container:gone"), "", PeerAddrAuto, errJoined.Error(), false},
		{"IPv6 alone", host, on("x", "x/n5/fd00::5/"), "", PeerAddrNetwork, "[fd00::5]:80", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.at.addressOf(tt.c, 80, tt.network, tt.mode)
			text := got.addr.String()
			if err != nil {
				text = err.Error()
			}
			if (err == nil && text != tt.want) || !strings.Contains(text, tt.want) || (got.warning != "") != tt.warns {
				t.Errorf("got %q, warning %q; want %q", text, got.warning, tt.want)
			}
		})
	}
}

const weirID = "1f0e1d0c1b0a190817061504130211000f0e0d0c0b0a09080706050403020100"

func TestSelfCandidates(t *testing.T) {
	inside := "700 690 254:0 /var/lib/docker/containers/" + weirID + "/hostname /etc/hostname rw - ext4 /dev/vda rw\n"
	onHost := "50 24 0:45 / /var/lib/docker/containers/" + weirID + "/mounts/shm rw - tmpfs shm rw\n"
	for name, tt := range map[string]struct {
		mounts, cgroup, hostname string
		want                     string
	}{
		"mounts of a container":            {inside, "0::/\n", "web", weirID},
		"mounts on the host, of others":    {onHost, "0::/user.slice\n", "machine", ""},
		"control group of the first kind":  {"", "5:cpu:/docker/" + weirID + "\n", "web", weirID},
		"control group of systemd":         {"", "0::/system.slice/docker-" + weirID + ".scope\n", "web", weirID},
		"the hostname, if it was not set":  {"", "", weirID[:12], weirID[:12]},
		"nothing, as on other systems":     {"", "", "", ""},
		"a hostname that is not an id":     {"", "", "1f0e1d0c1b0A", ""},
		"a control group of another thing": {"", "5:cpu:/kubepods/" + weirID + "\n", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := strings.Join(selfCandidates(tt.mounts, tt.cgroup, tt.hostname), " "); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestPlace(t *testing.T) {
	weir := on("front", "front/n2/172.18.0.2/172.18.0.1")
	weir.id = weirID
	vpn := on("front", "front/n2/172.18.0.3/172.18.0.1")
	vpn.id = "vpn"
	around := surroundings{candidates: []string{weirID[:12]}, local: []netip.Prefix{netip.MustParsePrefix("172.18.0.2/16")}}

	at := place(around, map[string]*container{weirID: weir})
	if at.self != weirID || strings.Join(at.shared, " ") != "n2" || at.host.String() != "172.18.0.1" || at.loopback || at.local != nil {
		t.Errorf("in a container: %+v", at)
	}
	weir.networkMode, weir.networks = "container:vpn", nil
	if at := place(around, map[string]*container{weirID: weir, "vpn": vpn}); strings.Join(at.shared, " ") != "n2" {
		t.Errorf("in another container's network: %+v", at)
	}
	weir.networkMode = networkHost
	if at := place(around, map[string]*container{weirID: weir}); at.self != weirID || !at.loopback || len(at.local) != 1 {
		t.Errorf("in a container on the host's network: %+v", at)
	}
	if at := place(around, map[string]*container{"vpn": vpn}); at.self != "" || !at.loopback || at.host.String() != "127.0.0.1" {
		t.Errorf("on the host, or in a container of another engine: %+v", at)
	}
	around.remote = netip.MustParseAddr("192.0.2.9")
	if at := place(around, map[string]*container{"vpn": vpn}); at.loopback || at.local != nil || at.host.String() != "192.0.2.9" {
		t.Errorf("an engine elsewhere: %+v", at)
	}
	vpn.networkMode = "container:vpn"
	netOwner(vpn, map[string]*container{"vpn": vpn}) // a ring does not hang
}
