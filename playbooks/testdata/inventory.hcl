cluster "lab" {
  domain = "lab.example.com"
}

hosts "mgmt[01-02]" {
  address = "10.0.0.[11-12]"
  groups  = ["controller"]
}

hosts "dgx[01-04]" {
  address = "10.0.1.[1-4]"
  groups  = ["compute", "gpu"]
  vars    = { model = "h100", rack = 1 }
}

host "dgx04" {
  vars = { model = "h200", extra = "yes" }
}

secret "key" {
  generate = 32
}

secret "password" {
  env = "MUSTER_TEST_PASSWORD"
}
