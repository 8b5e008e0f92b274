{{- /*
A generated secret: (list $ KEY GIVEN LENGTH). In this order: what the values give; what the Secret "hub" holds, so
that it outlives upgrades (and goes over to and from the real chart, which uses the same keys); a new random one in
hexadecimal digits.
*/}}
{{- define "standin.secret" -}}
{{- $root := index . 0 -}}
{{- $secret := lookup "v1" "Secret" $root.Release.Namespace (include "standin.name" (list $root "hub")) -}}
{{- $kept := dig "data" (index . 1) "" ($secret | default dict) -}}
{{- if index . 2 -}}
{{- index . 2 -}}
{{- else if $kept -}}
{{- $kept | b64dec -}}
{{- else -}}
{{- randBytes 64 | b64dec | sha256sum | trunc (index . 3) -}}
{{- end -}}
{{- end }}

{{- /* The token between hub and proxy, where the values give one */}}
{{- define "standin.givenToken" -}}
{{- dig "ConfigurableHTTPProxy" "auth_token" "" .Values.hub.config | default .Values.proxy.secretToken | default "" -}}
{{- end }}
