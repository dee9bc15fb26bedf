colour = "red" # Unknown attribute | has no attribute "colour"

local { # Unknown block | Did you mean "locals"?
}

step "note" { # Wrong number of labels | step "NAME" "NAME"
}

variable "a b" { # Invalid name | starts with a letter
  default = 1
}

variable "x" {
  type    = number
  default = "many" # Wrong type | number is needed
}

variable "twice" {
  default = 1
}

variable "twice" { # Duplicate variable | already at testdata/bad/blocks.hcl:18,1
  default = 2
}

variable "none" { # Variable without a value | -e none=VALUE
  type = string
}

variable "small" { # Invalid value of a variable | Variable "small": It must be less than 5.
  default = 7
  validation {
    condition     = var.small < 5
    error_message = "it must be less than 5"
  }
}

variable "typo" {
  defualt = 1 # Unknown attribute | Did you mean "default"?
  default = 2
}

locals {
  a = local.b # Cycle of locals | local.a -> local.b -> local.c -> local.a
  b = local.c
  c = local.a
}

locals {
  d = var.smal # Unsupported attribute | Did you mean "small"?
}
