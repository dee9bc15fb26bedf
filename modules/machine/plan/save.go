package plan

import (
	"fmt"

	"github.com/fxamacker/cbor/v2"

	"muster/modules/machine"
)

// saved is the base as it lies on the node between two agents of one run.
type saved struct {
	Version int                       `cbor:"v"`
	Reads   []savedRead               `cbor:"r"`
	Queries map[string]machine.Result `cbor:"q"`
}

type savedRead struct {
	Ref    machine.Ref `cbor:"ref"`
	Record record      `cbor:"rec"`
}

const savedVersion = 1

// Save encodes the base for the node's disk. Fields that a plan wants as secrets
// are keyed digests in it, and answers that hold secrets are left out.
func (n *Node) Save() ([]byte, error) {
	s := saved{Version: savedVersion, Queries: n.base.queries}
	for ref, r := range n.base.reads {
		state, _ := machine.Hash(r.State, n.base.secret[ref], n.env.store.Digest)
		s.Reads = append(s.Reads, savedRead{ref, record{State: state, Asked: r.Asked, All: r.All}})
	}
	mode, err := cbor.EncOptions{String: cbor.StringToByteString}.EncMode()
	if err != nil {
		return nil, err
	}
	return mode.Marshal(s)
}

// Load takes a saved base in place of the node's present state: Plan then
// answers what it answered when the base was made.
func (n *Node) Load(b []byte) error {
	mode, err := cbor.DecOptions{ByteStringToString: cbor.ByteStringToStringAllowed, UTF8: cbor.UTF8DecodeInvalid}.DecMode()
	if err != nil {
		return err
	}
	var s saved
	if err := mode.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("base: %w", err)
	}
	if s.Version != savedVersion {
		return fmt.Errorf("base: version %d, this agent reads %d", s.Version, savedVersion)
	}
	n.base = newBase()
	for _, r := range s.Reads {
		n.base.reads[r.Ref] = &r.Record
	}
	if s.Queries != nil {
		n.base.queries = s.Queries
	}
	n.base.sealed = true
	return nil
}
