{{- if .Values.singleuser.networkPolicy.enabled }}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "standin.metadata" (list . "singleuser" "singleuser") | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "standin.selector" (list . "singleuser-server") | nindent 6 }}
  policyTypes: [Ingress, Egress]
  ingress:
    {{- include "standin.ingress" (list . .Values.singleuser.networkPolicy "singleuser" (list "notebook-port")) | nindent 4 }}
    {{- include "standin.openIngress" .Values.singleuser.networkPolicy | nindent 4 }}
  egress:
    {{- include "standin.egressTo" (list . "hub" (list 8081)) | nindent 4 }}
    {{- include "standin.egressTo" (list . "proxy" (list 8000)) | nindent 4 }}
    {{- include "standin.egressTo" (list . "autohttps" (list 8080 8443)) | nindent 4 }}
    {{- include "standin.openEgress" (list . .Values.singleuser.networkPolicy) | nindent 4 }}
{{- end }}
