package lang

import (
	"bytes"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// The limits of a configuration file. The parser and the evaluator below them
// recurse, and a Go stack overflow cannot be caught: these numbers stand before
// both. Nesting of 80 000 is fatal, so they lie far under it and far over what
// anybody writes.
const (
	// MaxFile is the largest file, in bytes. An inventory of 10 000 hosts
	// written one by one has 0.9 MB.
	MaxFile = 4 << 20
	// MaxConfig is the largest sum of all files of one folder, in bytes.
	MaxConfig = 64 << 20
	// MaxDepth is how deep brackets, blocks and templates may nest.
	MaxDepth = 100
	// MaxUnary is how many ! and - may follow one another.
	MaxUnary = 100
	// MaxTernary is how many ? one expression may have, with all around it.
	MaxTernary = 1000
	// MaxOperators is how many operators, dots and calls one expression may have.
	MaxOperators = 10_000
	// maxNumber is how many characters a number may have.
	maxNumber = 100
)

// frame is one open bracket and what the expression in it has cost so far.
type frame struct {
	open             hclsyntax.TokenType
	ternary, op, ctl int
}

// scan walks the tokens of a file once and stops at the first limit. Counts are
// summed over all open brackets, since the parser recurses through all of them.
type scan struct {
	stack              []frame
	unary              int
	ternary, op, ctl   int
	summary, detailFmt string
	limit              int
}

// checkLimits reads tokens without recursion and refuses a file that the
// parser or the evaluator would not survive.
func checkLimits(tokens hclsyntax.Tokens) *hcl.Diagnostic {
	s := &scan{stack: []frame{{open: hclsyntax.TokenOBrace}}}
	for i := range tokens {
		s.token(tokens[i].Type, string(identOf(tokens, i)))
		if tokens[i].Type == hclsyntax.TokenNumberLit && !plainNumber(tokens[i].Bytes) {
			s.fail("Number too large", "A number may have %d characters and an exponent of three digits.", maxNumber)
		}
		if s.summary != "" {
			return Diag(s.summary, fmt.Sprintf(s.detailFmt, s.limit), tokens[i].Range)
		}
	}
	return nil
}

// identOf gives the keyword of a template control sequence, "" elsewhere.
func identOf(tokens hclsyntax.Tokens, i int) []byte {
	if tokens[i].Type != hclsyntax.TokenTemplateControl || i+1 >= len(tokens) {
		return nil
	}
	return tokens[i+1].Bytes
}

// plainNumber refuses 1e600000000, which is short to write and 600 MB as text.
func plainNumber(lit []byte) bool {
	exp := bytes.IndexAny(lit, "eE")
	if exp < 0 {
		exp = len(lit) - 1
	}
	return len(lit) <= maxNumber && len(bytes.TrimLeft(lit[exp+1:], "+-")) <= 3
}

func (s *scan) top() *frame { return &s.stack[len(s.stack)-1] }

func (s *scan) token(t hclsyntax.TokenType, keyword string) {
	switch t {
	case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenOQuote,
		hclsyntax.TokenOHeredoc, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
		s.open(t, keyword)
	case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenCQuote,
		hclsyntax.TokenCHeredoc, hclsyntax.TokenTemplateSeqEnd:
		s.close(t)
	case hclsyntax.TokenComma:
		s.reset()
	case hclsyntax.TokenNewline:
		// Only directly in a block or an object does a line end an expression.
		if s.top().open == hclsyntax.TokenOBrace {
			s.reset()
		}
	default:
		s.operator(t)
	}
}

func (s *scan) open(t hclsyntax.TokenType, keyword string) {
	if t == hclsyntax.TokenOBrack || t == hclsyntax.TokenOParen {
		s.addOperator()
	}
	if t == hclsyntax.TokenTemplateControl {
		s.control(keyword)
	}
	s.unary = 0
	s.stack = append(s.stack, frame{open: t})
	if len(s.stack) > MaxDepth+1 {
		s.fail("Nested too deeply", "Brackets, blocks and templates may nest %d deep.", MaxDepth)
	}
}

// control counts open %{if} and %{for}: they nest without a bracket around them.
func (s *scan) control(keyword string) {
	f := s.top()
	switch keyword {
	case "if", "for":
		f.ctl++
		s.ctl++
	case "endif", "endfor":
		if f.ctl > 0 {
			f.ctl--
			s.ctl--
		}
	}
	if s.ctl > MaxDepth {
		s.fail("Nested too deeply", "Template directives may nest %d deep.", MaxDepth)
	}
}

var closes = map[hclsyntax.TokenType][2]hclsyntax.TokenType{
	hclsyntax.TokenCBrace:         {hclsyntax.TokenOBrace},
	hclsyntax.TokenCBrack:         {hclsyntax.TokenOBrack},
	hclsyntax.TokenCParen:         {hclsyntax.TokenOParen},
	hclsyntax.TokenCQuote:         {hclsyntax.TokenOQuote},
	hclsyntax.TokenCHeredoc:       {hclsyntax.TokenOHeredoc},
	hclsyntax.TokenTemplateSeqEnd: {hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl},
}

// close pops the frame it closes. A bracket that closes nothing is left to the
// parser, which reports it; it must not make the stack look shallower.
func (s *scan) close(t hclsyntax.TokenType) {
	if open := s.top().open; len(s.stack) == 1 || (open != closes[t][0] && open != closes[t][1]) {
		return
	}
	s.reset()
	s.ctl -= s.top().ctl
	s.stack = s.stack[:len(s.stack)-1]
}

// reset starts a new expression in the innermost bracket.
func (s *scan) reset() {
	f := s.top()
	s.ternary -= f.ternary
	s.op -= f.op
	f.ternary, f.op, s.unary = 0, 0, 0
}

func (s *scan) operator(t hclsyntax.TokenType) {
	switch t {
	case hclsyntax.TokenBang, hclsyntax.TokenMinus:
		s.unary++
		if s.unary > MaxUnary {
			s.fail("Expression too long", "At most %d signs may follow one another.", MaxUnary)
		}
		s.addOperator()
	case hclsyntax.TokenQuestion:
		s.unary = 0
		s.ternary++
		s.top().ternary++
		if s.ternary > MaxTernary {
			s.fail("Expression too long", "An expression may have %d conditions (a ? b : c).", MaxTernary)
		}
	case hclsyntax.TokenIdent, hclsyntax.TokenNumberLit, hclsyntax.TokenQuotedLit, hclsyntax.TokenStringLit,
		hclsyntax.TokenEqual, hclsyntax.TokenComment, hclsyntax.TokenEOF:
		s.unary = 0
	default:
		s.unary = 0
		s.addOperator()
	}
}

func (s *scan) addOperator() {
	s.op++
	s.top().op++
	if s.op > MaxOperators {
		s.fail("Expression too long", "An expression may have %d operators.", MaxOperators)
	}
}

func (s *scan) fail(summary, detailFmt string, limit int) {
	s.summary, s.detailFmt, s.limit = summary, detailFmt, limit
}
