step "note" "a" {
  on    = "all"
  path  = "/a"
  after = [step.note.b] # Cycle of steps | note[a] waits for note[b]: after = [step.note.b] at testdata/bad/cycle.hcl:4,12;
}

step "note" "b" {
  on        = "all"
  path      = "/b"
  after_all = [step.note.a, step.note.c] # Cycle of steps | note[c] waits for note[b]: after = [step.note.b] at testdata/bad/cycle.hcl:16,12
}

step "note" "c" {
  on    = "all"
  path  = "/c"
  after = [step.note.b]
}

step "note" "self" {
  on    = "all"
  path  = "/d"
  after = [step.note.self] # Cycle of steps | note[self] waits for note[self]
}
