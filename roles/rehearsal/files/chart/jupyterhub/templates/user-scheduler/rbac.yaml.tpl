{{- if and .Values.scheduling.userScheduler.enabled .Values.rbac.create }}
# What a kube-scheduler needs (the cluster's own roles system:kube-scheduler and system:volume-scheduler), with a
# lease of its own.
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ include "standin.scheduler" . }}
  labels:
    {{- include "standin.labels" (list . "user-scheduler") | nindent 4 }}
rules:
  - apiGroups: [""]
    resources: [namespaces, nodes, replicationcontrollers, services]
    verbs: [get, list, watch]
  - apiGroups: [""]
    resources: [pods]
    verbs: [get, list, watch, delete]
  - apiGroups: [""]
    resources: [bindings, pods/binding]
    verbs: [create]
  - apiGroups: [""]
    resources: [pods/status]
    verbs: [patch, update]
  - apiGroups: [""]
    resources: [persistentvolumes, persistentvolumeclaims]
    verbs: [get, list, watch, patch, update]
  - apiGroups: ["", events.k8s.io]
    resources: [events]
    verbs: [create, patch, update]
  - apiGroups: [apps]
    resources: [replicasets, statefulsets]
    verbs: [get, list, watch]
  - apiGroups: [policy]
    resources: [poddisruptionbudgets]
    verbs: [get, list, watch]
  - apiGroups: [storage.k8s.io]
    resources: [csidrivers, csinodes, csistoragecapacities, storageclasses, volumeattachments]
    verbs: [get, list, watch]
  - apiGroups: [authentication.k8s.io]
    resources: [tokenreviews]
    verbs: [create]
  - apiGroups: [authorization.k8s.io]
    resources: [subjectaccessreviews]
    verbs: [create]
  - apiGroups: [coordination.k8s.io]
    resources: [leases]
    verbs: [create]
  - apiGroups: [coordination.k8s.io]
    resources: [leases]
    resourceNames: [{{ include "standin.name" (list . "user-scheduler-lock") }}]
    verbs: [get, update]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: {{ include "standin.scheduler" . }}
  labels:
    {{- include "standin.labels" (list . "user-scheduler") | nindent 4 }}
subjects:
  - kind: ServiceAccount
    name: {{ include "standin.account" (list . .Values.scheduling.userScheduler.serviceAccount "user-scheduler") }}
    namespace: {{ .Release.Namespace | quote }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ include "standin.scheduler" . }}
{{- end }}
