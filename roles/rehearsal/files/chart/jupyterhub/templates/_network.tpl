{{- /* Ingress to a component's port from pods with a label: (list $ POLICY LABEL PORTS) */}}
{{- define "standin.ingress" -}}
{{- $policy := index . 1 -}}
{{- $label := dict "matchLabels" (dict (printf "hub.jupyter.org/network-access-%s" (index . 2)) "true") -}}
{{- $from := list (dict "podSelector" $label) -}}
{{- if eq $policy.interNamespaceAccessLabels "accept" -}}
{{- $from = list (dict "podSelector" $label "namespaceSelector" (dict "matchLabels" dict)) (dict "namespaceSelector" $label) -}}
{{- end -}}
- ports:
    {{- range index . 3 }}
    - port: {{ . }}
    {{- end }}
  from:
    {{- $from | toYaml | nindent 4 }}
{{- end }}

{{- /* Ingress to ports from anywhere, and what the values add: POLICY */}}
{{- define "standin.openIngress" -}}
{{- with .allowedIngressPorts }}
- ports:
    {{- range . }}
    - port: {{ . }}
    {{- end }}
{{- end }}
{{- with .ingress }}
{{ . | toYaml }}
{{- end }}
{{- end }}

{{- /* Egress to a component's ports: (list $ COMPONENT PORTS) */}}
{{- define "standin.egressTo" -}}
- to:
    - podSelector:
        matchLabels:
          {{- include "standin.selector" (list (index . 0) (index . 1)) | nindent 10 }}
  ports:
    {{- range index . 2 }}
    - port: {{ . }}
    {{- end }}
{{- end }}

{{- /* Egress by the switches of egressAllowRules, and what the values add: (list $ POLICY) */}}
{{- define "standin.openEgress" -}}
{{- $policy := index . 1 -}}
{{- $rules := $policy.egressAllowRules -}}
{{- $metadata := dict "ipBlock" (dict "cidr" (printf "%s/32" (index . 0).Values.singleuser.cloudMetadata.ip)) -}}
{{- $private := list -}}
{{- $inner := list "10.0.0.0/8" "172.16.0.0/12" "192.168.0.0/16" -}}
{{- range $inner -}}
{{- $private = append $private (dict "ipBlock" (dict "cidr" .)) -}}
{{- end -}}
{{- $dns := list -}}
{{- if $rules.dnsPortsCloudMetadataServer }}{{ $dns = append $dns $metadata }}{{ end -}}
{{- if $rules.dnsPortsKubeSystemNamespace -}}
{{- $dns = append $dns (dict "namespaceSelector" (dict "matchLabels" (dict "kubernetes.io/metadata.name" "kube-system"))) -}}
{{- end -}}
{{- if $rules.dnsPortsPrivateIPs }}{{ $dns = concat $dns $private }}{{ end -}}
{{- with $dns }}
- ports:
    - port: 53
      protocol: UDP
    - port: 53
      protocol: TCP
  to:
    {{- . | toYaml | nindent 4 }}
{{- end }}
{{- if $rules.nonPrivateIPs }}
- to:
    - ipBlock:
        cidr: 0.0.0.0/0
        except:
          {{- append $inner $metadata.ipBlock.cidr | toYaml | nindent 10 }}
{{- end }}
{{- if $rules.privateIPs }}
- to:
    {{- $private | toYaml | nindent 4 }}
{{- end }}
{{- if $rules.cloudMetadataServer }}
- to:
    {{- list $metadata | toYaml | nindent 4 }}
{{- end }}
{{- with $policy.egress }}
{{ . | toYaml }}
{{- end }}
{{- end }}
