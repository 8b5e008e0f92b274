"""The pod runner: a small kubelet without root, for every node of a simulated cluster.

It runs in the cluster's user, network, mount and PID namespaces (``rehearsal.cluster.inside``) as two programs:
``runner`` starts pods as processes in bubblewrap sandboxes, from the environments that the image table names, and
``policies`` turns NetworkPolicies into nftables rules beside kube-proxy's. ``choice`` says which pods run for real;
KWOK plays the others.

=================  ==================================================================================
``runner``         watches the bound pods, chooses, starts and ends them, takes them over after a restart
``pod``            one pod: address, volumes, network, containers in order, status, deletion
``container``      one container: runs, restarts, hooks, its end
``sandbox``        bubblewrap's options; user, group, capabilities
``network``        a pod's namespaces, its address, its routed veth
``volumes``        ConfigMaps, Secrets, tokens, downward API, emptyDir, claims; atomic updates; sub-paths
``environment``    variables of every source
``probes``         liveness, readiness, startup: http, tcp, exec
``memory``         memory limits
``status``         phase, conditions, restarts and back-off as a kubelet computes them
``logs``           the containers' logs
``kubelet_api``    port 10250: ``kubectl logs`` and ``kubectl exec`` (``remote_command``, ``spdy``)
``rules``          NetworkPolicies to nftables; ``policies`` keeps them loaded
``kube``           the API: list and watch that resume, dicts instead of models
=================  ==================================================================================

When the runner dies, its pods' processes die with it. The next one starts the containers again: same claim, same
address, ``restartCount`` one higher, event ``RunnerRestarted``. Files in emptyDir volumes stay.

What differs from a kubelet
---------------------------
- CPU limits, ephemeral storage limits and huge pages are not enforced. Memory limits are (see ``memory``): looked at
  five times a second, the largest process of the container is killed; a memory-backed volume counts in full towards
  each limited container of its pod. There is no eviction.
- There is no name server. Services' names are in every pod's /etc/hosts, kept current; headless and ExternalName
  Services have none. Pods do not reach the internet.
- Every process of a pod is the user who runs the rehearsal; inside it has the user and group that the pod asks for.
  Supplementary groups and ``fsGroup`` are not visible as numbers, but volumes are writable as they promise.
  ``capabilities`` are given only to images whose entry in the table allows them, and rule the pod's own network alone.
  seccomp, AppArmor and SELinux settings are not applied.
- Containers share the machine's /usr; the root is an own folder on disk, empty at each start of the container.
- Not supported: hostPath, hostNetwork, CSI and device volumes (such pods are played), images that are not in the
  table (played), gRPC probes (they fail, saying so), hostPort, shared process namespaces, ephemeral containers,
  ``attach`` and ``port-forward`` (501 with a message), in-place resizing, image pulls and ``imagePullPolicy``.
- A changed ConfigMap or Secret is seen within 30 s. Until a container is ready for the first time its readiness is
  asked every second at least.
- A network policy takes effect a few hundredths of a second after its pod got its address; the packet counters start
  again whenever the rules change.
- A process that was just being started when its runner was killed is ended by the next runner.
"""
