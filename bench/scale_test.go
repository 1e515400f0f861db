package bench_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// peersPerUpstream is how many peers each upstream of BenchmarkScale has.
const peersPerUpstream = 10

// scaleCase is one size of BenchmarkScale.
type scaleCase struct {
	upstreams int
	check     string
}

// BenchmarkScale runs weir as a process with many upstreams of ten peers each,
// all on loopback, and measures: reading the file (weir check), the time from
// the start of the process until it serves and until every peer had its first
// result, memory, CPU while nothing happens but probes, and what the reload of
// one changed weight costs. WEIR_BENCH_UPSTREAMS is the largest number of
// upstreams, default 10000.
func BenchmarkScale(b *testing.B) {
	most := 10_000
	if n, err := strconv.Atoi(os.Getenv("WEIR_BENCH_UPSTREAMS")); err == nil && n > 0 {
		most = n
	}
	weir := buildWeir(b)
	port := acceptAll(b)
	for n := 10; n <= most; n *= 10 {
		for _, check := range []string{"off", "tcp"} {
			b.Run(fmt.Sprintf("upstreams=%d/check=%s", n, check), func(b *testing.B) { measureScale(b, weir, port, scaleCase{n, check}) })
		}
	}
}

// acceptAll accepts and closes connections at one port of every loopback
// address until the benchmark ends.
func acceptAll(b *testing.B) (port int) {
	b.Helper()
	l, err := net.Listen("tcp4", "0.0.0.0:0") // 127.0.0.0/8 cannot be bound as a whole
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() }) // nothing is left to lose
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.Close() // a tcp probe wants no more
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

func measureScale(b *testing.B, weir string, peerPort int, c scaleCase) {
	dir := b.TempDir()
	conf, proxy, admin, nats := filepath.Join(dir, "weir.yaml"), freePort(b), freePort(b), freePort(b)
	write(b, conf, scaleConf(c, proxy, admin, nats, peerPort, filepath.Join(dir, "data"), 1))
	begun := time.Now()
	if out, err := exec.Command(weir, "check", "-c", conf).CombinedOutput(); err != nil {
		b.Fatalf("weir check: %v\n%s", err, out)
	}
	checked := time.Since(begun)

	begun = time.Now()
	pid := start(b, proxy, weir, "serve", "-c", conf)
	served := time.Since(begun)
	url := fmt.Sprintf("http://127.0.0.1:%d", admin)
	for scaleCounts(b, url).Healthy != c.upstreams {
		if time.Since(begun) > 5*time.Minute {
			b.Fatalf("not all upstreams are healthy: %+v", scaleCounts(b, url))
		}
		<-time.After(100 * time.Millisecond)
	}
	settled := time.Since(begun)

	// The first results are behind; let what follows from them settle, then look at ten seconds.
	<-time.After(10 * time.Second)
	before := cpu(b, pid)
	<-time.After(10 * time.Second)
	idle := cpu(b, pid) - before

	write(b, conf, scaleConf(c, proxy, admin, nats, peerPort, filepath.Join(dir, "data"), 2))
	before, begun = cpu(b, pid), time.Now()
	out, err := exec.Command(weir, "reload", "--admin", url, "-c", conf).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "upstream u0 ") {
		b.Fatalf("weir reload: %v\n%s", err, out)
	}
	reloaded := time.Since(begun)
	change := cpu(b, pid) - before

	b.ReportMetric(0, "ns/op") // one run, not b.N operations
	b.ReportMetric(float64(checked.Milliseconds()), "check-ms")
	b.ReportMetric(float64(served.Milliseconds()), "serves-ms")
	b.ReportMetric(float64(settled.Milliseconds()), "settled-ms")
	b.ReportMetric(float64(memory(b, pid))/(1<<20), "RSS-MiB")
	b.ReportMetric(idle.Seconds()/10*100, "idle-cpu-%")
	b.ReportMetric(float64(reloaded.Milliseconds()), "reload-ms")
	b.ReportMetric(float64(change.Milliseconds()), "reload-cpu-ms")
}

// scaleConf writes a file of upstreams u0, u1, ... The first peer of the first has the weight given.
func scaleConf(c scaleCase, proxy, admin, nats, peerPort int, data string, weight int) string {
	var text strings.Builder
	fmt.Fprintf(&text, "listeners: [{addr: \"127.0.0.1:%d\"}]\nadmin: {addr: \"127.0.0.1:%d\"}\nnats: {addr: \"127.0.0.1:%d\"}\ndata_dir: %s\nlog: {level: warn}\nwatch: false\nroutes:\n",
		proxy, admin, nats, data)
	for i := range c.upstreams {
		fmt.Fprintf(&text, "  r%d: {host: h%d.example.com, upstream: u%d}\n", i, i, i)
	}
	text.WriteString("upstreams:\n")
	for i := range c.upstreams {
		fmt.Fprintf(&text, "  u%d: {health_check: %s, addrs: [", i, map[string]string{"off": "off", "tcp": `"tcp://u"`}[c.check])
		for k := range peersPerUpstream {
			n := i*peersPerUpstream + k
			fmt.Fprintf(&text, "\"127.%d.%d.%d:%d %d\", ", 1+n>>16, n>>8&255, n&255, peerPort, weight)
			weight = 1
		}
		text.WriteString("]}\n")
	}
	return text.String()
}

// stateCounts are the upstreams by state.
type stateCounts struct{ Upstreams, Healthy, Degraded, Down, Pending int }

func scaleCounts(b *testing.B, url string) stateCounts {
	b.Helper()
	response, err := (&http.Client{Timeout: 30 * time.Second}).Get(url + "/api/v1/status")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var status struct{ Counts stateCounts }
	text, err := io.ReadAll(response.Body)
	if err == nil {
		err = json.Unmarshal(text, &status)
	}
	if err != nil {
		b.Fatal(err)
	}
	return status.Counts
}

// memory returns the resident memory of a process in bytes (Linux: /proc).
func memory(b *testing.B, pid int) int64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Skip("no /proc: memory cannot be read here")
	}
	m := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(text)
	if m == nil {
		b.Fatal("no VmRSS in /proc")
	}
	kib, _ := strconv.ParseInt(string(m[1]), 10, 64) // digits only
	return kib << 10
}
