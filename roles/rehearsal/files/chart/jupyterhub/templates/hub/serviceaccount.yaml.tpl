{{- if .Values.hub.serviceAccount.create }}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "standin.account" (list . .Values.hub.serviceAccount "hub") }}
  labels:
    {{- include "standin.labels" (list . "hub") | nindent 4 }}
  {{- with .Values.hub.serviceAccount.annotations }}
  annotations:
    {{- . | toYaml | nindent 4 }}
  {{- end }}
{{- end }}
