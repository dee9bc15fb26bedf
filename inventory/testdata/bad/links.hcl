hosts "n[1-2]" {
  groups = ["compute"]
}
host "login" {
  groups = ["login"]        # want: Host and group of one name
}
group "compute" {
  children = ["gpuu"]       # want: Unknown group
  hosts    = ["n[1-3]"]     # want: Unknown host
}
group "compute" {}          # want: Duplicate group
group "gpu" {
  hosts = "n1"
}
group "all" {
  children = ["gpu"]        # want: Unknown attribute
}
group "x" {
  hosts = ["n["]            # want: Bad range
}
