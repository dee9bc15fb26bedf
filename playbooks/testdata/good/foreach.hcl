variable "people" {
  type    = map(object({ uid = number }))
  default = { alice = { uid = 1 }, bob = { uid = 2 } }
}

locals {
  names = sort(keys(var.people))
}

step "note" "people" {
  on       = "mgmt01"
  for_each = var.people
  path     = "/home/${each.key}"
  mode     = each.value.uid
}

step "note" "hosts" {
  on       = "mgmt01"
  for_each = [for h in hosts("compute") : h.name]
  path     = "/nodes/${each.value}"
  after    = [step.note.people["bob"]]
}

step "note" "end" {
  on    = "controller"
  path  = "/end"
  tags  = local.names
  after = [step.note.hosts]
}
