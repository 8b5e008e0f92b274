{{- if .Values.hub.pdb.enabled }}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "standin.metadata" (list . "hub" "hub") | nindent 2 }}
spec:
  {{- range $bound, $count := omit .Values.hub.pdb "enabled" }}
  {{- if kindIs "invalid" $count | not }}
  {{ $bound }}: {{ $count }}
  {{- end }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "standin.selector" (list . "hub") | nindent 6 }}
{{- end }}
