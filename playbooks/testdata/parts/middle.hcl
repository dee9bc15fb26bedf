use "deep" {
  playbook = "./inner.hcl"
  vars     = { where = "/deep" }
}
