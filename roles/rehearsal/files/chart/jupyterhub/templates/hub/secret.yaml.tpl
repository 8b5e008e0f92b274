apiVersion: v1
kind: Secret
metadata:
  {{- include "standin.metadata" (list . "hub" "hub") | nindent 2 }}
type: Opaque
data:
  {{- $chart := dict "Name" .Chart.Name "Version" .Chart.Version "AppVersion" .Chart.AppVersion }}
  {{- $values := merge (dict "Chart" $chart "Release" (pick .Release "Name" "Namespace" "Service")) .Values }}
  values.yaml: {{ $values | toYaml | b64enc }}
  hub.config.ConfigurableHTTPProxy.auth_token: {{ include "standin.secret" (list . "hub.config.ConfigurableHTTPProxy.auth_token" (include "standin.givenToken" .) 64) | b64enc }}
  hub.config.JupyterHub.cookie_secret: {{ include "standin.secret" (list . "hub.config.JupyterHub.cookie_secret" (dig "JupyterHub" "cookie_secret" .Values.hub.cookieSecret .Values.hub.config) 64) | b64enc }}
  hub.config.CryptKeeper.keys: {{ include "standin.secret" (list . "hub.config.CryptKeeper.keys" (dig "CryptKeeper" "keys" list .Values.hub.config | join ";") 64) | b64enc }}
  {{- with .Values.hub.db.password }}
  hub.db.password: {{ . | b64enc }}
  {{- end }}
  {{- range $name, $service := .Values.hub.services }}
  {{- $key := printf "hub.services.%s.apiToken" $name }}
  {{ $key }}: {{ include "standin.secret" (list $ $key ($service.apiToken | default $service.api_token) 64) | b64enc }}
  {{- end }}
  {{- include "standin.files" .Values.hub.extraFiles | nindent 2 }}
