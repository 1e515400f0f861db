package balance

import (
	"testing"
	"time"

	"github.com/weirproxy/weir/messages"
)

func TestStateOfASnapshot(t *testing.T) {
	tests := []struct {
		name      string
		available []bool
		pending   bool
		want      messages.UpstreamState
	}{
		{"all available", []bool{true, true}, false, messages.StateHealthy},
		{"some available", []bool{true, false}, false, messages.StateDegraded},
		{"none available", []bool{false, false}, false, messages.StateDown},
		{"no members", nil, false, messages.StateDown},
		{"first discovery", nil, true, messages.StatePending},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ref := newTestRef()
			members := membersOf(ref, equalWeights(len(tt.available))...)
			n := 0
			for i, up := range tt.available {
				members[i].Available = up
				if up {
					n++
				}
			}
			s := NewSnapshot(SnapshotConfig{Members: members, Pending: tt.pending})
			if s.State() != tt.want || s.Available() != n || s.Len() != len(members) {
				t.Errorf("%v, %d of %d; want %v, %d of %d", s.State(), s.Available(), s.Len(), tt.want, n, len(members))
			}
		})
	}
}

func TestASnapshotDoesNotChange(t *testing.T) {
	ref := newTestRef()
	members := membersOf(ref, 1, 1)
	at := time.Unix(7, 0)
	policy := Policy{Algo: messages.Algo{Kind: messages.Random}, Limits: messages.Limits{Queue: 3}}
	s := NewSnapshot(SnapshotConfig{Policy: policy, Members: members, At: at, Parked: true})
	members[0].Available = false
	s.Members()[1].Weight = 99
	if got := s.Members(); !got[0].Available || got[1].Weight != 1 {
		t.Errorf("members changed from outside: %+v", got)
	}
	if s.Policy() != policy || !s.At().Equal(at) || !s.Parked() {
		t.Errorf("%+v at %v, parked %t", s.Policy(), s.At(), s.Parked())
	}
}

func TestReconsiderFollowsTheVerdicts(t *testing.T) {
	ref := newTestRef()
	members := membersOf(ref, 1, 2, 3, 4)
	members[1].Available, members[3].Available = false, false
	s := snapshotOf(messages.Hash, messages.Limits{Queue: 5}, members)
	members[0].Peer.SetVerdict(messages.Unhealthy, messages.CodeReset, "", time.Now())
	members[1].Peer.SetVerdict(messages.Healthy, messages.CodeOK, "", time.Now())
	at := time.Unix(9, 0)
	got := s.Reconsider(at)
	for i, want := range []bool{false, true, true, false} {
		if m := got.Members()[i]; m.Available != want || m.Weight != members[i].Weight {
			t.Errorf("member %d: available %t, want %t", i, m.Available, want)
		}
	}
	if got.Policy() != s.Policy() || !got.At().Equal(at) || got.config.Placement != s.config.Placement {
		t.Error("Reconsider changed more than who is available")
	}
	if !s.Members()[0].Available {
		t.Error("Reconsider changed the snapshot it was called on")
	}
}

func TestParkServesTheSameMembers(t *testing.T) {
	ref := newTestRef()
	s := NewSnapshot(SnapshotConfig{Members: membersOf(ref, 1, 2), Pending: true, EmptySince: time.Unix(1, 0)})
	parked := s.Park(time.Unix(9, 0))
	if !parked.Parked() || parked.State() != messages.StateHealthy || parked.Len() != 2 || !parked.At().Equal(time.Unix(9, 0)) {
		t.Errorf("parked %t, %v, %d members", parked.Parked(), parked.State(), parked.Len())
	}
	if s.Parked() {
		t.Error("Park changed the snapshot it was called on")
	}
}
