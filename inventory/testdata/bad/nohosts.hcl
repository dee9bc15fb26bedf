cluster "x" {}  # want: No hosts
