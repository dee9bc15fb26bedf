hosts "n[1-2]" {
  address = "10.0.0.[1-2]"
  groups  = ["g1", "g2"]
}
host "m" {
  address = "10.0.0.2"      # want: Duplicate address
}
host "other_port" {
  address = "10.0.0.1"
  connection { port = 2222 }
}
host "behind" {
  address = "10.0.0.1"
  connection { jump = "gate" }
}
group "g1" {
  vars = { a = 1, same = "x" }
}
group "g2" {
  vars = {
    a    = 2                # want: Two groups disagree
    same = "x"
  }
}
