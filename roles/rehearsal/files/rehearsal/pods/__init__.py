"""The pod runner: a small kubelet without root, for every node of a simulated cluster."""
