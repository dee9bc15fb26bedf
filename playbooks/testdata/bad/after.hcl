step "note" "a" {
  on    = "controller"
  path  = "/a"
  after = [step.note.b] # Steps share no host | note[a] and note[b] run on different hosts. after waits on the same host only; to wait for all hosts of the other step, write after_all = [step.note.b]
}

step "note" "b" {
  on    = "compute"
  path  = "/b"
  after = [
    step.note.bb, # Unknown step | Did you mean step.note.b?
    use.nothing, # Unknown use | There is no use block "nothing"
    "note.a", # Not a step | step.MODULE.NAME
    var.x, # Not a step | not var.x
    step.note.each["c"], # Unknown step | has no element "c"
  ]
}

step "note" "each" {
  on       = "compute"
  for_each = ["a", "b"]
  path     = "/${each.key}"
  after    = step.note.b # Wrong type | after = [step.MODULE.NAME, ...]
}
