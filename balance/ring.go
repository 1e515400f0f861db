package balance

import (
	"encoding/binary"
	"hash/crc32"
	"math/bits"
	"strings"
)

// ring is a ketama ring as nginx builds it for "hash ... consistent": point
// number i of an owner is the CRC-32 of HOST, a zero byte, PORT and point number i-1
// (0 before the first; four bytes, little-endian), and a key belongs to the
// owner of the first point at or after its own CRC-32, around the ring's end.
// Of equal points the owner named first keeps his.
type ring struct {
	owners []owner
	points []point
	// starts[b] is the first point whose hash has the leading bits b or more;
	// it makes a search look at a handful of points.
	starts []uint32
	shift  uint
}

// point is a hash (upper half) and the index of its owner (lower half).
type point uint64

func (p point) hash() uint32 { return uint32(p >> 32) }
func (p point) owner() int   { return int(uint32(p)) }

// owner is a peer of the ring.
type owner struct {
	addr   string
	points int
}

func newRing(owners []owner) *ring {
	total := 0
	for _, o := range owners {
		total += o.points
	}
	r := &ring{owners: owners, points: make([]point, 0, total)}
	for i, o := range owners {
		base := crc32.ChecksumIEEE(ringSeed(o.addr))
		var previous [4]byte
		for range o.points {
			hash := crc32.Update(base, crc32.IEEETable, previous[:])
			binary.LittleEndian.PutUint32(previous[:], hash)
			r.points = append(r.points, point(hash)<<32|point(i))
		}
	}
	sortPoints(r.points)
	r.dropDoubles()
	r.index()
	return r
}

// ringSeed returns HOST, a zero byte and PORT of an address the way nginx cuts
// it: at the last colon if only digits follow; brackets belong to the host. A
// unix socket's path is a host.
func ringSeed(addr string) []byte {
	addr = strings.TrimPrefix(addr, "unix:")
	host, port := addr, ""
	if colon := strings.LastIndexByte(addr, ':'); colon >= 0 && strings.Trim(addr[colon+1:], "0123456789") == "" {
		host, port = addr[:colon], addr[colon+1:]
	}
	return []byte(host + "\x00" + port)
}

// sortPoints sorts by hash and keeps the order of equal ones: a radix sort with
// three digits of 11 bits.
func sortPoints(points []point) {
	const digit = 11
	spare := make([]point, len(points))
	for pass := range 3 {
		shift := 32 + pass*digit
		var count [1 << digit]int
		for _, p := range points {
			count[p>>shift&(1<<digit-1)]++
		}
		sum := 0
		for i, c := range count {
			count[i], sum = sum, sum+c
		}
		for _, p := range points {
			d := p >> shift & (1<<digit - 1)
			spare[count[d]] = p
			count[d]++
		}
		points, spare = spare, points
	}
	// After an odd number of passes the result lies in the other slice.
	copy(spare, points)
}

// dropDoubles keeps the first of points with one hash.
func (r *ring) dropDoubles() {
	kept := r.points[:0]
	for _, p := range r.points {
		if len(kept) == 0 || kept[len(kept)-1].hash() != p.hash() {
			kept = append(kept, p)
		}
	}
	r.points = kept
}

// index makes starts, with about one entry per four points.
func (r *ring) index() {
	leading := uint(max(bits.Len(uint(len(r.points)))-2, 1))
	r.shift = 32 - leading
	r.starts = make([]uint32, 1<<leading+1)
	at := 0
	for b := range r.starts {
		for at < len(r.points) && uint64(r.points[at].hash()>>r.shift) < uint64(b) {
			at++
		}
		r.starts[b] = uint32(at)
	}
}

// find returns the index of the first point at or after hash.
func (r *ring) find(hash uint32) int {
	b := hash >> r.shift
	at, end := int(r.starts[b]), int(r.starts[b+1])
	for at < end && r.points[at].hash() < hash {
		at++
	}
	if at == len(r.points) {
		return 0
	}
	return at
}
