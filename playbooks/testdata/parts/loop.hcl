use "again" {
  playbook = "./loop.hcl"
}
