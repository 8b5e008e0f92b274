{{- if and .Values.scheduling.userScheduler.enabled .Values.scheduling.userScheduler.pdb.enabled }}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "standin.metadata" (list . "user-scheduler" "user-scheduler") | nindent 2 }}
spec:
  {{- range $bound, $count := omit .Values.scheduling.userScheduler.pdb "enabled" }}
  {{- if kindIs "invalid" $count | not }}
  {{ $bound }}: {{ $count }}
  {{- end }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "standin.selector" (list . "user-scheduler") | nindent 6 }}
{{- end }}
