{{- if .Values.scheduling.userPlaceholder.enabled }}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "standin.metadata" (list . "user-placeholder" "user-placeholder") | nindent 2 }}
spec:
  minAvailable: 0 # the autoscaler may move them all
  selector:
    matchLabels:
      {{- include "standin.selector" (list . "user-placeholder") | nindent 6 }}
{{- end }}
