package proxy

import (
	"errors"
	"io"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weirproxy/weir/messages"
)

// halfCloser is a stream whose sending side can be closed by itself.
type halfCloser interface{ CloseWrite() error }

// errSilent is why a tunnel without traffic was cut.
var errSilent = errors.New("nothing was sent for tunnel_timeout")

// errClientGone is why a tunnel was cut whose client is gone or told to go.
var errClientGone = errors.New("the client is gone or weir shuts down")

// tunnel joins the client and the peer after a 101.
func (c *Core) tunnel(x *Exchange) messages.Code {
	s, r := &x.core, &x.Response
	t := &s.trip
	keepUpgrade(&r.Header)
	t.route.response.apply(&r.Header)
	t.headStarted = true
	client, err := x.Client.Tunnel(r)
	if err != nil {
		c.lose(x, err)
		c.closeResponse(x)
		x.Upstream.release(x)
		return fine
	}
	t.status = r.Status
	t.tunnelFrom = time.Now()
	pipe := &pipe{core: c, client: client, peer: r.Tunnel, began: t.tunnelFrom, stop: make(chan struct{})}
	t.bodyOpen = false
	toClient := pipe.run(x.Done, x.Upstream.transport.TunnelTimeout)
	t.sent = toClient
	if cut := pipe.cut.Load(); cut != nil {
		t.detail = *cut
	}
	x.Upstream.release(x)
	return fine
}

// pipe copies both ways between two streams until both directions ended, one
// of them in an error, or it is cut. Its goroutines end before run returns.
type pipe struct {
	core         *Core
	client, peer io.ReadWriteCloser
	close        sync.Once
	began        time.Time
	stop         chan struct{} // closed when both directions ended
	cut          atomic.Pointer[error]
	last         atomic.Int64 // when something was read, in nanoseconds after began
}

// run returns how many bytes went to the client. A silence of zero is no limit.
func (p *pipe) run(gone <-chan struct{}, silence time.Duration) (toClient int64) {
	var others sync.WaitGroup
	others.Go(func() { p.watch(gone, silence) })
	var copying sync.WaitGroup
	copying.Go(func() { p.copy(p.peer, p.client) })
	toClient = p.copy(p.client, p.peer)
	copying.Wait()
	close(p.stop)
	others.Wait()
	p.closeBoth()
	return toClient
}

// copy moves what comes from src to dst. When src ends well and dst can be told
// so, the other direction goes on; else both are closed.
func (p *pipe) copy(dst io.Writer, src io.Reader) (written int64) {
	defer p.survive()
	buffer := p.core.buffers.relay.Get().(*[relaySize]byte)
	defer p.core.buffers.relay.Put(buffer)
	for {
		n, err := src.Read(buffer[:])
		if n > 0 {
			p.last.Store(int64(time.Since(p.began)))
			w, werr := dst.Write(buffer[:n])
			written += int64(w)
			if werr != nil {
				p.closeBoth()
				return written
			}
		}
		if err == nil {
			continue
		}
		if half, can := dst.(halfCloser); !can || !errors.Is(err, io.EOF) || half.CloseWrite() != nil {
			p.closeBoth()
		}
		return written
	}
}

// watch cuts the tunnel when the client is gone or nobody said anything for too long.
func (p *pipe) watch(gone <-chan struct{}, silence time.Duration) {
	var due <-chan time.Time
	var timer *time.Timer
	if silence > 0 {
		timer = time.NewTimer(silence)
		defer timer.Stop()
		due = timer.C
	}
	for {
		select {
		case <-p.stop:
			return
		case <-gone:
			p.cutFor(errClientGone)
			return
		case <-due:
			left := silence - time.Since(p.began) + time.Duration(p.last.Load())
			if left <= 0 {
				p.cutFor(errSilent)
				return
			}
			timer.Reset(left)
		}
	}
}

func (p *pipe) cutFor(why error) {
	p.cut.Store(&why)
	p.closeBoth()
}

func (p *pipe) closeBoth() {
	p.close.Do(func() {
		p.closeOne(p.client)
		p.closeOne(p.peer)
	})
}

func (p *pipe) closeOne(side io.Closer) {
	defer func() {
		if cause := recover(); cause != nil {
			p.report(cause)
		}
	}()
	closeQuietly(side)
}

// survive is deferred where a codec is called by a goroutine of the pipe, in
// which a panic would end the process. The tunnel ends instead.
func (p *pipe) survive() {
	if cause := recover(); cause != nil {
		p.report(cause)
		p.closeBoth()
	}
}

func (p *pipe) report(cause any) {
	p.core.logger.Error("codec panicked in a tunnel", "panic", cause, "stack", string(debug.Stack()))
}
