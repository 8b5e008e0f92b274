{{- if .Values.rbac.create }}
# What KubeSpawner does in its namespace.
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  {{- include "standin.metadata" (list . "hub" "hub") | nindent 2 }}
rules:
  - apiGroups: [""]
    resources: [pods, persistentvolumeclaims, secrets, services]
    verbs: [get, watch, list, create, delete]
  - apiGroups: [""]
    resources: [events]
    verbs: [get, watch, list]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  {{- include "standin.metadata" (list . "hub" "hub") | nindent 2 }}
subjects:
  - kind: ServiceAccount
    name: {{ include "standin.account" (list . .Values.hub.serviceAccount "hub") }}
    namespace: {{ .Release.Namespace | quote }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ include "standin.name" (list . "hub") }}
{{- end }}
