# A step that waits stands behind what it waits for, whatever the file says.
step "note" "third" {
  on    = "compute"
  path  = "/c"
  after = [step.note.second]
}

step "note" "second" {
  on    = "compute:&dgx[01-02]"
  path  = "/b"
  after = [step.note.first]
}

step "note" "first" {
  on      = "all"
  path    = "/a"
  timeout = "90s"
}

step "note" "rolling" {
  on        = "compute"
  path      = "/d"
  after_all = [step.note.first]
  batch     = "50%"
  max_fail  = "49%"
}

step "note" "nowhere" {
  on   = "login?"
  path = "/e"
}

step "note" "off" {
  on    = "login"
  when  = 1 > 2
  path  = "/f"
  peers = hosts("login")
}
