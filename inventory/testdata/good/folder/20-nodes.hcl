hosts "n[1-3]" {
  address = "192.0.2.[11-13]"
  groups  = ["compute"]
}

hosts "local" {
  connection {
    local = true
  }
}
