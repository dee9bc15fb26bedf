step "note" "before" {
  on   = "compute"
  path = "/before"
}

use "first" {
  playbook = "../parts/inner.hcl"
  vars     = { where = "/first" }
  on       = "dgx[01-02]"
  after    = [step.note.before]
}

use "second" {
  playbook  = "../parts/middle.hcl"
  on        = "mgmt01"
  after_all = [use.first]
}

step "note" "after" {
  on    = "dgx01"
  path  = "/after"
  after = [use.first]
}
