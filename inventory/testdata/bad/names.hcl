cluster "lab" {
  domian = "x"              # want: Unknown attribute
}
cluster "two" {}            # want: Duplicate cluster
conection {}                # want: Unknown block
connection {
  user = "-oProxyCommand"   # want: Bad connection
  port = 70000              # want: Bad connection
  jump = "a b"              # want: Bad connection
  become = "perhaps"        # want: Wrong type
  become_password = "geheim"  # want: Wrong type
  host_key_policy = "no"    # want: Bad connection
  identy = "x"              # want: Unknown attribute
}
connection {}               # want: Duplicate connection
hosts "a[1-2" {}            # want: Bad range
hosts "a[2-1]" {}           # want: Bad range
hosts "a[1-3]" {
  address = "10.0.0.[1-4]"  # want: Ranges of different length
}
hosts "a[3-4]" {}           # want: Duplicate host
host "a1" {}
host "a1" {}                # want: Duplicate host
host "b c" {}               # want: Bad name
host "all" {}               # want: Bad name
host {}                     # want: Wrong number of labels
host "c" {
  address = "1.2.3.4 -x"    # want: Bad address
  adress = "1.2.3.4"        # want: Unknown attribute
}
host "d" {
  vars = { a = var.b }      # want: Reference not allowed
}
host "e" {
  vars = {
    b = secret.nope         # want: Unknown secret
  }
}
host "f" {
  vars = { a = 1, "b c" = 2 }  # want: Bad name
}
host "g" {
  vars = {
    a = 1
    a = 2                   # want: Duplicate variable
  }
}
host "h" {
  vars = "x"                # want: Wrong type
  groups = { a = 1 }        # want: Wrong type
}
host "i" {
  groups = ["a b"]          # want: Bad name
  vars = { x = lenght("") } # want: Call to unknown function
}
secret "s" {                # want: Secret without a source
  generate = 32
  env      = "X"
}
secret "t" {}               # want: Secret without a source
secret "u" {
  generate = 4              # want: Wrong type
}
secret "v" {
  env = "a b"               # want: Bad name
  encoding = "rot13"        # want: Wrong value
}
secret "v" { env = "A" }    # want: Duplicate secret
secret "1x" { env = "A" }   # want: Bad name
