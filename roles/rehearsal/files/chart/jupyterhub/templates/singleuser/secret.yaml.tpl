{{- if .Values.singleuser.extraFiles }}
apiVersion: v1
kind: Secret
metadata:
  {{- include "standin.metadata" (list . "singleuser" "singleuser") | nindent 2 }}
type: Opaque
data:
  {{- include "standin.files" .Values.singleuser.extraFiles | nindent 2 }}
{{- end }}
