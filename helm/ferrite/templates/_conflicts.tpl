{{- /*
Fails when a controller of MetalLB or of another Ferrite runs in this cluster for the same class of Services:
both would assign addresses. Every such installation has a ClusterRoleBinding that says so by a label, and
names its namespace. Without a cluster, as in `helm template`, there is nothing to find.
*/ -}}
{{- define "ferrite.conflicts" -}}
{{- $namespaces := dict -}}
{{- range $binding := (lookup "rbac.authorization.k8s.io/v1" "ClusterRoleBinding" "" "").items -}}
{{- if include "ferrite.isOurKind" $binding.metadata.labels -}}
{{- range $subject := $binding.subjects -}}
{{- with $subject.namespace -}}{{- $_ := set $namespaces . true -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $namespace := keys $namespaces | sortAlpha -}}
{{- range $deployment := (lookup "apps/v1" "Deployment" $namespace "").items -}}
{{- $rival := include "ferrite.rivals" (list $ $deployment) -}}
{{- if eq $rival "lease" -}}
{{- fail (printf "Deployment %s/%s is a Ferrite, too: in one namespace the two would share one Lease, and only one of them would assign addresses; choose another namespace; conflictCheck=false skips this check" $namespace $deployment.metadata.name) -}}
{{- else if eq $rival "class" -}}
{{- fail (printf "Deployment %s/%s assigns addresses to the same Services (%s): scale it to 0 (do not uninstall MetalLB, which takes its pools with it: docs/migrate.md) or set another loadBalancerClass; conflictCheck=false skips this check" $namespace $deployment.metadata.name (default "without loadBalancerClass" $.Values.loadBalancerClass)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* labels: "true" when they are of MetalLB or of Ferrite; nameOverride leaves only the chart's label */ -}}
{{- define "ferrite.isOurKind" -}}
{{- $labels := default dict . -}}
{{- $names := list (default "" $labels.app) (default "" (index $labels "app.kubernetes.io/name")) -}}
{{- if or (has "metallb" $names) (has "ferrite" $names) (regexMatch "^(metallb|ferrite)-[0-9]" (default "" (index $labels "helm.sh/chart"))) -}}
true
{{- end -}}
{{- end -}}

{{- /*
(list $ deployment): what a running controller that is not our own has in common with it: "class" or "lease";
nothing when they get along.
*/ -}}
{{- define "ferrite.rivals" -}}
{{- $root := index . 0 -}}{{- $metadata := (index . 1).metadata -}}{{- $spec := (index . 1).spec -}}
{{- $labels := merge dict (default dict $spec.template.metadata.labels) (default dict $metadata.labels) -}}
{{- $product := include "ferrite.isOurKind" $labels -}}
{{- $controller := has "controller" (list (default "" $labels.component) (default "" (index $labels "app.kubernetes.io/component"))) -}}
{{- $release := index (default dict $metadata.annotations) "meta.helm.sh/release-name" | default "" -}}
{{- $name := printf "%s-controller" (include "ferrite.fullname" $root) -}}
{{- $ours := and (eq $metadata.namespace $root.Release.Namespace) (or (eq $release $root.Release.Name) (eq $metadata.name $name)) -}}
{{- if and $product $controller (not $ours) (gt (int $spec.replicas) 0) -}}
{{- $class := "" -}}{{- $ferrite := false -}}
{{- range $container := $spec.template.spec.containers -}}
{{- if has "ferrite-controller" (default list $container.command) -}}{{- $ferrite = true -}}{{- end -}}
{{- range $argument := $container.args -}}
{{- if regexMatch "^--?lb-class=" $argument -}}{{- $class = regexReplaceAll "^--?lb-class=" $argument "" -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- if eq $class $root.Values.loadBalancerClass -}}
class
{{- else if and $ferrite (eq $metadata.namespace $root.Release.Namespace) -}}
lease
{{- end -}}
{{- end -}}
{{- end -}}
