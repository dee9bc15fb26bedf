use "a" { # Missing attribute | needs "playbook"
}

use "b" {
  playbook = "baselin" # Unknown playbook | Did you mean "baseline"?
}

use "c" {
  playbook = "../parts/inner.hcl"
  vars     = {
    where = ["a"] # Wrong type | use c gives variable "where" a value of the wrong type
    other = 1 # Unknown variable | It has: where
  }
}

use "d" {
  playbook = "../parts/inner.hcl"
  vars     = { where = host.name } # Value depends on the host | Variable "where"
}

use "d" { # Duplicate use | already at
  playbook = "../parts/inner.hcl"
}
