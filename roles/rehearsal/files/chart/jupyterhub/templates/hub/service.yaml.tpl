apiVersion: v1
kind: Service
metadata:
  {{- include "standin.metadata" (list . "hub" "hub") | nindent 2 }}
  annotations:
    {{- $scrape := dict "prometheus.io/scrape" "true" "prometheus.io/path" (printf "%s/hub/metrics" (trimSuffix "/" .Values.hub.baseUrl)) "prometheus.io/port" "8081" }}
    {{- merge dict .Values.hub.service.annotations $scrape | toYaml | nindent 4 }}
spec:
  type: {{ .Values.hub.service.type }}
  selector:
    {{- include "standin.selector" (list . "hub") | nindent 4 }}
  ports:
    - name: hub
      port: 8081
      targetPort: http
  {{- with .Values.hub.service.ipFamilyPolicy }}
  ipFamilyPolicy: {{ . }}
  {{- end }}
