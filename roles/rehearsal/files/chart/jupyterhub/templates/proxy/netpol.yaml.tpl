{{- if .Values.proxy.chp.networkPolicy.enabled }}
{{- $ports := include "standin.certificate" . | empty | ternary (list "http") (list "http" "https") -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "standin.metadata" (list . "proxy" "proxy") | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "standin.selector" (list . "proxy") | nindent 6 }}
  policyTypes: [Ingress, Egress]
  ingress:
    {{- include "standin.ingress" (list . .Values.proxy.chp.networkPolicy "proxy-http" $ports) | nindent 4 }}
    {{- include "standin.ingress" (list . .Values.proxy.chp.networkPolicy "proxy-api" (list "api")) | nindent 4 }}
    {{- include "standin.openIngress" .Values.proxy.chp.networkPolicy | nindent 4 }}
  egress:
    {{- include "standin.egressTo" (list . "hub" (list 8081)) | nindent 4 }}
    {{- include "standin.egressTo" (list . "singleuser-server" (list 8888)) | nindent 4 }}
    {{- include "standin.openEgress" (list . .Values.proxy.chp.networkPolicy) | nindent 4 }}
{{- end }}
