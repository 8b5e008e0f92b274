{{- if and .Values.scheduling.userScheduler.enabled .Values.scheduling.userScheduler.serviceAccount.create }}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "standin.account" (list . .Values.scheduling.userScheduler.serviceAccount "user-scheduler") }}
  labels:
    {{- include "standin.labels" (list . "user-scheduler") | nindent 4 }}
  {{- with .Values.scheduling.userScheduler.serviceAccount.annotations }}
  annotations:
    {{- . | toYaml | nindent 4 }}
  {{- end }}
{{- end }}
