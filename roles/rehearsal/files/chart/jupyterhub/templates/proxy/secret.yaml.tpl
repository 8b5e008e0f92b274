{{- if eq (include "standin.https" .) "manual" }}
apiVersion: v1
kind: Secret
metadata:
  {{- include "standin.metadata" (list . "proxy-public-manual-tls" "proxy") | nindent 2 }}
type: kubernetes.io/tls
data:
  tls.crt: {{ required "proxy.https.manual.cert is missing" .Values.proxy.https.manual.cert | b64enc }}
  tls.key: {{ required "proxy.https.manual.key is missing" .Values.proxy.https.manual.key | b64enc }}
{{- end }}
