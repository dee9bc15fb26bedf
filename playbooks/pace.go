package playbooks

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// pace evaluates batch, max_fail and timeout. Percentages are of the hosts that
// the run selects and round down; a batch has at least one host.
func (c *compiler) pace(s *step) {
	n := len(s.selected)
	if e := attribute(s.def.block, "batch"); e != nil {
		if share, percent, ok := c.share(s, "batch", e, 1); ok {
			s.batch = share
			if percent {
				s.batch = max(1, n*share/100)
			}
		}
	}
	if e := attribute(s.def.block, "max_fail"); e != nil {
		if share, percent, ok := c.share(s, "max_fail", e, 0); ok {
			s.maxFail = share
			if percent {
				s.maxFail = n * share / 100
			}
		}
	}
	if e := attribute(s.def.block, "timeout"); e != nil {
		s.timeout = c.timeout(s, e)
	}
}

// share reads a number of hosts, 4, or a percentage of them, "25%".
func (c *compiler) share(s *step, name string, e hcl.Expression, least int) (n int, percent, ok bool) {
	v := c.constant(s.def.unit, name, e, s.each)
	if v == nil {
		return 0, false, false
	}
	n, percent, err := readShare(*v)
	if err == nil && n < least {
		err = fmt.Errorf("it is at least %d", least)
	}
	if err != nil {
		c.errorf(e.Range(), "Wrong value", `Argument %s: %s; write a number of hosts, 4, or a percentage, "25%%".`, name, err)
		return 0, false, false
	}
	return n, percent, true
}

func readShare(v cty.Value) (int, bool, error) {
	if !v.IsMarked() && v.Type() == cty.String {
		digits, ok := strings.CutSuffix(v.AsString(), "%")
		if ok {
			n, err := strconv.ParseUint(digits, 10, 8)
			if err != nil || n > 100 {
				return 0, true, fmt.Errorf("%q is no percentage from 0%% to 100%%", v.AsString())
			}
			return int(n), true, nil
		}
	}
	if v.IsMarked() {
		return 0, false, fmt.Errorf("the value is sensitive")
	}
	n, err := decodeNumber(v)
	if err != nil {
		return 0, false, err
	}
	return n.(int), false, nil
}

func (c *compiler) timeout(s *step, e hcl.Expression) time.Duration {
	text, ok := c.constantText(s.def.unit, "timeout", e, s.each)
	if !ok {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		c.errorf(e.Range(), "Wrong value", `Argument timeout: %q is no duration; write "90s", "10m" or "1h30m".`, text)
		return 0
	}
	return d
}
