{{- if .Values.proxy.chp.pdb.enabled }}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "standin.metadata" (list . "proxy" "proxy") | nindent 2 }}
spec:
  {{- range $bound, $count := omit .Values.proxy.chp.pdb "enabled" }}
  {{- if kindIs "invalid" $count | not }}
  {{ $bound }}: {{ $count }}
  {{- end }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "standin.selector" (list . "proxy") | nindent 6 }}
{{- end }}
