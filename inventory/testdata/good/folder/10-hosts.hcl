host "head" {
  address = "192.0.2.1"
  groups  = "login"
}
