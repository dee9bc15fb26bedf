# limit: dgx[02-03]
step "note" "control" {
  on   = "controller"
  path = "/a"
}

step "note" "node" {
  on        = "compute"
  path      = "/b"
  after_all = [step.note.control]
  batch     = "50%"
}

step "note" "again" {
  on        = "compute"
  path      = "/c"
  after     = [step.note.node]
  after_all = [step.note.node]
}
