package lab

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"net/netip"
	"os"
	"strings"
)

// pool is where labs take their /24 networks from; firstHost is the last byte of a
// lab's first node, the ones below stay free for the bridge.
var pool = netip.MustParsePrefix("10.213.0.0/16")

const firstHost = 11

// ensureNetwork makes the lab's bridge network in a subnet that neither the host
// routes elsewhere nor another Docker network uses, and returns the subnet.
func ensureNetwork(ctx context.Context, name, dir string) (netip.Prefix, error) {
	routes, err := os.ReadFile("/proc/net/route")
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("lab %s: routes: %w", name, err)
	}
	taken := parseRoutes(string(routes))
	for _, subnet := range candidates(name) {
		if overlaps(subnet, taken) {
			continue
		}
		_, err := docker(ctx, "network", "create", "--label", labelOf(name), "--label", labelDir+"="+dir,
			"--subnet", subnet.String(), objectName(name))
		if err == nil {
			return subnet, nil
		}
		if !strings.Contains(err.Error(), "overlap") { // another lab was faster: take the next
			return netip.Prefix{}, err
		}
	}
	return netip.Prefix{}, fmt.Errorf("lab %s: network: no free /24 in %s", name, pool)
}

// networkSubnet reads the subnet of an existing lab.
func networkSubnet(ctx context.Context, name string) (netip.Prefix, error) {
	text, err := docker(ctx, "network", "inspect", "--format", "{{(index .IPAM.Config 0).Subnet}}", objectName(name))
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.ParsePrefix(text)
}

// candidates are the pool's subnets, starting at one that the name decides, so that
// a lab made again tends to get its old addresses.
func candidates(name string) []netip.Prefix {
	sum := fnv.New32a()
	sum.Write([]byte(name))
	start, base := int(sum.Sum32()%256), pool.Addr().As4()
	list := make([]netip.Prefix, 256)
	for i := range list {
		base[2] = byte((start + i) % 256)
		list[i] = netip.PrefixFrom(netip.AddrFrom4(base), 24)
	}
	return list
}

// parseRoutes reads the host's IPv4 routes but the default one. The kernel prints
// addresses there as hexadecimal numbers in its own byte order, little on both
// amd64 and arm64.
func parseRoutes(text string) []netip.Prefix {
	routes := []netip.Prefix{}
	scan := bufio.NewScanner(strings.NewReader(text))
	for scan.Scan() {
		field := strings.Fields(scan.Text())
		if len(field) < 8 {
			continue
		}
		addr, errAddr := hex.DecodeString(field[1])
		mask, errMask := hex.DecodeString(field[7])
		if errors.Join(errAddr, errMask) != nil || len(addr) != 4 || len(mask) != 4 {
			continue
		}
		bits := 0
		for m := binary.LittleEndian.Uint32(mask); m&(1<<31) != 0; m <<= 1 {
			bits++
		}
		if bits > 0 {
			host := netip.AddrFrom4([4]byte{addr[3], addr[2], addr[1], addr[0]})
			routes = append(routes, netip.PrefixFrom(host, bits))
		}
	}
	return routes
}

func overlaps(subnet netip.Prefix, taken []netip.Prefix) bool {
	for _, other := range taken {
		if subnet.Overlaps(other) {
			return true
		}
	}
	return false
}

// hostAddress is the address of a subnet's node by its place, counted from 0.
func hostAddress(subnet netip.Prefix, place int) string {
	addr := subnet.Addr().As4()
	addr[3] = byte(firstHost + place)
	return netip.AddrFrom4(addr).String()
}
