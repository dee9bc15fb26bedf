package lang

import (
	"fmt"
	"math/big"
	"net/netip"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

func cidrFunc(call func(prefix netip.Prefix, n []*big.Int) (string, error), numbers ...string) function.Function {
	spec := &function.Spec{
		Params: []function.Parameter{{Name: "prefix", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
	}
	for _, name := range numbers {
		spec.Params = append(spec.Params, function.Parameter{Name: name, Type: cty.Number})
	}
	spec.Impl = func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		prefix, err := netip.ParsePrefix(args[0].AsString())
		if err != nil {
			return cty.NilVal, function.NewArgErrorf(0, "write a network as ADDRESS/BITS, such as 10.0.0.0/16")
		}
		ints := make([]*big.Int, len(args)-1)
		for i, a := range args[1:] {
			f := a.AsBigFloat()
			if !f.IsInt() || f.MantExp(nil) > 160 {
				return cty.NilVal, function.NewArgErrorf(i+1, "write a whole number")
			}
			ints[i], _ = f.Int(nil)
		}
		out, err := call(prefix.Masked(), ints)
		return cty.StringVal(out), err
	}
	return function.New(spec)
}

// cidrHostFunc gives the n-th address of a network; a negative n counts from
// its end.
var cidrHostFunc = cidrFunc(func(p netip.Prefix, n []*big.Int) (string, error) {
	hostBits := uint(p.Addr().BitLen() - p.Bits())
	count := new(big.Int).Lsh(big.NewInt(1), hostBits)
	host := n[0]
	if host.Sign() < 0 {
		host = new(big.Int).Add(host, count)
	}
	if host.Sign() < 0 || host.Cmp(count) >= 0 {
		return "", function.NewArgErrorf(1, "%s has only %s addresses", p, count)
	}
	return addTo(p.Addr(), host).String(), nil
}, "host")

// cidrSubnetFunc gives the n-th network that has so many bits more.
var cidrSubnetFunc = cidrFunc(func(p netip.Prefix, n []*big.Int) (string, error) {
	bits := p.Addr().BitLen()
	if n[0].Sign() < 0 || !n[0].IsInt64() || n[0].Int64() > int64(bits-p.Bits()) {
		return "", function.NewArgErrorf(1, "%s has room for %d more bits", p, bits-p.Bits())
	}
	newBits := uint(n[0].Int64())
	count := new(big.Int).Lsh(big.NewInt(1), newBits)
	if n[1].Sign() < 0 || n[1].Cmp(count) >= 0 {
		return "", function.NewArgErrorf(2, "%s has only %s networks of /%d", p, count, p.Bits()+int(newBits))
	}
	offset := new(big.Int).Lsh(n[1], uint(bits-p.Bits())-newBits)
	return netip.PrefixFrom(addTo(p.Addr(), offset), p.Bits()+int(newBits)).String(), nil
}, "newbits", "number")

var cidrNetmaskFunc = cidrFunc(func(p netip.Prefix, _ []*big.Int) (string, error) {
	if !p.Addr().Is4() {
		return "", fmt.Errorf("only an IPv4 network has a netmask")
	}
	ones := netip.AddrFrom4([4]byte{255, 255, 255, 255})
	masked, err := ones.Prefix(p.Bits())
	return masked.Addr().String(), err
})

// addTo adds to an address within its width.
func addTo(a netip.Addr, n *big.Int) netip.Addr {
	sum := new(big.Int).Add(new(big.Int).SetBytes(a.AsSlice()), n)
	out, _ := netip.AddrFromSlice(sum.FillBytes(make([]byte, a.BitLen()/8)))
	return out
}
