package demo

import (
	"context"
	"io"
	"net/http"
	"time"
)

// Traffic sends about perSecond GETs a second to url until ctx is done. The
// answers are read and dropped; weir counts them.
func Traffic(ctx context.Context, url string, perSecond int) {
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: perSecond}}
	defer client.CloseIdleConnections()
	ticker := time.NewTicker(time.Second / time.Duration(perSecond))
	defer ticker.Stop()
	// At most two seconds' worth of requests are under way; a slow proxy gets no more.
	slots := make(chan struct{}, 2*perSecond)
	for {
		select {
		case <-ctx.Done():
			for range cap(slots) {
				slots <- struct{}{} // wait for those under way
			}
			return
		case <-ticker.C:
		}
		select {
		case slots <- struct{}{}:
			go func() {
				defer func() { <-slots }()
				get(ctx, client, url)
			}()
		default:
		}
	}
}

func get(ctx context.Context, client *http.Client, url string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return
	}
	response, err := client.Do(request)
	if err != nil {
		return
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, response.Body)
}

// Moody makes peer ill and well again, in turn, until ctx is done.
func Moody(ctx context.Context, peer *Peer, ill, well time.Duration) {
	moods := []Mood{Sick, Refuse, Hang}
	for i := 0; ; i++ {
		if !pause(ctx, well) {
			return
		}
		// A mood that cannot be had (somebody took the port) is tried again next time.
		_ = peer.SetMood(moods[i%len(moods)])
		if !pause(ctx, ill) {
			return
		}
		_ = peer.SetMood(Well)
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
