{{- if .Values.hub.networkPolicy.enabled }}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "standin.metadata" (list . "hub" "hub") | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "standin.selector" (list . "hub") | nindent 6 }}
  policyTypes: [Ingress, Egress]
  ingress:
    {{- include "standin.ingress" (list . .Values.hub.networkPolicy "hub" (list "http")) | nindent 4 }}
    {{- include "standin.openIngress" .Values.hub.networkPolicy | nindent 4 }}
  egress:
    {{- include "standin.egressTo" (list . "proxy" (list 8001)) | nindent 4 }}
    {{- include "standin.egressTo" (list . "singleuser-server" (list 8888)) | nindent 4 }}
    {{- include "standin.openEgress" (list . .Values.hub.networkPolicy) | nindent 4 }}
{{- end }}
