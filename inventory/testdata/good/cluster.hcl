cluster "lab" {
  domain = "lab.example.com"
}

connection {
  user     = "admin"
  become   = true
  identity = "~/.ssh/id_ed25519"
  jump     = ["ops@bastion.example.com:2222"]
}

hosts "mgmt[01-02]" {
  address = "10.0.0.[11-12]"
  groups  = ["slurm_controller"]
  connection {
    port = 2022
  }
}

hosts "dgx[001-032]" {
  address = "10.0.1.[1-32]"
  groups  = ["slurm_node", "gpu"]
  vars    = { model = "dgx-h100", cpus = 2 * 56 }
}

host "dgx007" {
  vars = { model = "dgx-h200" }
  connection {
    become_password = secret.sudo
    host_keys       = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample"
  }
}

host "old1" {
  groups = ["gpu_old"]
}

group "all" {
  vars = { ntp = "10.0.0.1", driver_branch = "none" }
}

group "gpu" {
  children = ["gpu_old"]
  vars     = { driver_branch = "580-server", limits = { mem = "max", files = [1, 2] }, key = secret.munge_key }
}

group "gpu_old" {
  vars = { driver_branch = upper("470-server") }
}

group "rack1" {
  hosts = ["dgx[001-004]", "old1"]
}

secret "munge_key" {
  generate = 128
}

secret "db_password" {
  env = "SLURM_DB_PASSWORD"
}

secret "sudo" {
  file     = "sudo.b64"
  encoding = "base64"
}
