# The shipped playbook, and a time limit on its one partition.
use "slurm" {
  playbook = "slurm-cluster"
  vars = {
    partitions = { batch = "Nodes=ALL Default=YES MaxTime=1-00:00:00" }
  }
}
