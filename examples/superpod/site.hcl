# SLURM over the whole pod: two partitions, every node's GPUs as GRES.
use "slurm" {
  playbook = "slurm-cluster"
  vars = {
    cluster_name = "pod1"
    partitions = {
      batch = "Nodes=ALL Default=YES MaxTime=7-00:00:00"
      debug = "Nodes=dgx[001-004] MaxTime=01:00:00 PriorityTier=2"
    }
  }
}

step "file" "motd" {
  on      = "slurm_node"
  path    = "/etc/motd"
  content = "${host.name} belongs to pod1: ${length(host.facts.gpus)} GPUs\n"
}
