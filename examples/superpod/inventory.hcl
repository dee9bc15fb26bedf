# Shaped like an NVIDIA DGX SuperPOD scalable unit: two management nodes, two
# login nodes and 32 DGX H100 in four racks. facts.json beside this file holds facts
# as muster records them, so that everything here plans without a connection:
#
#   muster plan -i examples/superpod/inventory.hcl --no-connect examples/superpod/site.hcl
cluster "superpod" {
  domain = "pod1.example.com"
}

connection {
  user     = "admin"
  become   = true
  identity = "~/.ssh/id_ed25519"
  jump     = ["bastion.example.com"]
}

hosts "mgmt[01-02]" {
  address = "10.1.0.[11-12]"
}

host "mgmt01" {
  groups = ["slurm_controller"]
}

hosts "login[01-02]" {
  address = "10.1.0.[21-22]"
  groups  = ["login"]
}

hosts "dgx[001-008]" {
  address = "10.1.1.[1-8]"
  groups  = ["rack1"]
}

hosts "dgx[009-016]" {
  address = "10.1.1.[9-16]"
  groups  = ["rack2"]
}

hosts "dgx[017-024]" {
  address = "10.1.1.[17-24]"
  groups  = ["rack3"]
}

hosts "dgx[025-032]" {
  address = "10.1.1.[25-32]"
  groups  = ["rack4"]
}

group "slurm_node" {
  children = ["rack1", "rack2", "rack3", "rack4"]
  vars     = { model = "dgx-h100" }
}

secret "munge_key" {
  generate = 128
}

secret "slurm_db_password" {
  generate = 24
  encoding = "hex"
}
