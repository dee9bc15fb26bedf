# Four nodes: one controller that also keeps the accounting database, and three
# compute nodes. `muster lab up` writes an inventory of this shape for its nodes. facts.json
# holds facts as muster records them, for plans with --no-connect.
cluster "lab4" {
  domain = "lab4.example.com"
}

connection {
  user     = "admin"
  become   = true
  identity = "~/.ssh/id_ed25519"
}

host "ctl01" {
  address = "10.10.0.10"
  groups  = ["slurm_controller"]
}

hosts "node[01-03]" {
  address = "10.10.0.[11-13]"
  groups  = ["slurm_node"]
}

secret "munge_key" {
  generate = 128
}

secret "slurm_db_password" {
  generate = 24
  encoding = "hex"
}
