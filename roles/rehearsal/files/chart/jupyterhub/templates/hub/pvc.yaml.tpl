{{- if eq .Values.hub.db.type "sqlite-pvc" }}
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  {{- include "standin.metadata" (list . "hub-db-dir" "hub") | nindent 2 }}
  {{- with .Values.hub.db.pvc.annotations }}
  annotations:
    {{- . | toYaml | nindent 4 }}
  {{- end }}
spec:
  {{- with .Values.hub.db.pvc.selector }}
  selector:
    {{- . | toYaml | nindent 4 }}
  {{- end }}
  {{- if kindIs "string" .Values.hub.db.pvc.storageClassName }}
  storageClassName: {{ .Values.hub.db.pvc.storageClassName | quote }}
  {{- end }}
  accessModes:
    {{- .Values.hub.db.pvc.accessModes | toYaml | nindent 4 }}
  resources:
    requests:
      storage: {{ .Values.hub.db.pvc.storage | quote }}
{{- end }}
