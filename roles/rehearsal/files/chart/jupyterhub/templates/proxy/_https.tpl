{{- /* Who ends HTTPS: "" (nobody), offload, manual or secret. The stand-in has no ACME client. */}}
{{- define "standin.https" -}}
{{- if .Values.proxy.https.enabled -}}
{{- if eq .Values.proxy.https.type "letsencrypt" -}}
{{- fail "proxy.https.type: the stand-in chart has no ACME client; use offload, manual or secret, or the real chart" -}}
{{- end -}}
{{- .Values.proxy.https.type -}}
{{- end -}}
{{- end }}

{{- /* The Secret with the proxy's own certificate, where it ends HTTPS itself */}}
{{- define "standin.certificate" -}}
{{- $https := include "standin.https" . -}}
{{- if eq $https "manual" -}}
{{- include "standin.name" (list . "proxy-public-manual-tls") -}}
{{- else if eq $https "secret" -}}
{{- required "proxy.https.secret.name: name the Secret that holds the certificate" .Values.proxy.https.secret.name -}}
{{- end -}}
{{- end }}
