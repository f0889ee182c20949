"""Values people install with, and the APIs their clusters have beyond Kubernetes' own."""

from programs import Object

MONITORING, OPENSHIFT = "monitoring.coreos.com/v1", "security.openshift.io/v1"
PROMETHEUS = {"namespace": "monitoring", "serviceAccount": "prometheus-k8s"}
METALLB = {  # a values file as MetalLB's users have it
    "loadBalancerClass": "",
    "prometheus": {
        "scrapeAnnotations": True,
        "metricsPort": 7472,
        "rbacPrometheus": True,
        "podMonitor": {"enabled": False, "interval": None},
    },
    "controller": {
        "logLevel": "debug",
        "webhookMode": "enabled",
        "image": {"tag": None, "pullPolicy": None},
        "resources": {"limits": {"memory": "200Mi"}},
        "tolerations": [{"key": "infra", "operator": "Exists"}],
        "podAnnotations": {"example.com/team": "net"},
        "labels": {"team": "net"},
    },
    "speaker": {
        "tolerateMaster": False,
        "memberlist": {"enabled": True, "mlBindPort": 7947, "mlBindAddrOverride": "192.0.2.1"},
        "nodeSelector": {"kubernetes.io/hostname": "node-1"},
        "ignoreExcludeLB": True,
        "priorityClassName": "system-node-critical",
        "startupProbe": {"enabled": True, "failureThreshold": 30, "periodSeconds": 5},
        "frr": {"enabled": False, "image": {"repository": "frrouting/frr"}},
        "reloader": {"resources": {}},
        "bgpDebounceTimeout": 3000,
    },
    "crds": {"enabled": True, "validationFailurePolicy": "Fail"},
    "frrk8s": {"enabled": True, "external": False},
    "frr-k8s": {"prometheus": {"serviceMonitor": {"enabled": False}}},
}
VARIANTS: dict[str, tuple[Object, tuple[str, ...]]] = {
    "defaults": ({}, ()),
    "from-metallb": (METALLB, ()),
    "other-name": ({"fullnameOverride": "lb", "nameOverride": "balancer"}, ()),
    "class": ({"loadBalancerClass": "example.com/lb"}, ()),
    "no-rights": ({"rbac": {"create": False}, "controller": {"serviceAccount": {"create": False}}}, ()),
    "no-speaker": ({"speaker": {"enabled": False}}, ()),
    "no-controller": ({"controller": {"enabled": False}}, ()),
    "no-crds": ({"crds": {"enabled": False}}, ()),
    "no-membership": ({"speaker": {"memberlist": {"enabled": False}}}, ()),
    "no-exclusions": ({"speaker": {"excludeInterfaces": {"enabled": False}}}, ()),
    "no-probes": (
        {
            "speaker": {"livenessProbe": {"enabled": False}, "readinessProbe": {"enabled": False}},
            "controller": {"livenessProbe": {"enabled": False}, "topologySpreadConstraints": []},
        },
        (),
    ),
    "digest": ({"image": {"repository": "example.com/ferrite", "digest": "sha256:" + "0" * 64}}, ()),
    "certificates": (
        {
            "tls": {
                "minVersion": "VersionTLS12",
                "cipherSuites": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
                "controllerMetricsTLSSecret": "controller-tls",
                "speakerMetricsTLSSecret": "speaker-tls",
            },
            "imagePullSecrets": [{"name": "pull"}],
        },
        (),
    ),
    "service-monitors": (
        {
            "prometheus": {
                **PROMETHEUS,
                "serviceMonitor": {"enabled": True, "interval": "30s"},
                "prometheusRule": {
                    "enabled": True,
                    "addressPoolExhausted": {"excludePools": "lab|spare"},
                    "extraAlerts": [{"alert": "Mine", "expr": "vector(1)"}],
                },
            }
        },
        (MONITORING,),
    ),
    "pod-monitors": ({"prometheus": {**PROMETHEUS, "podMonitor": {"enabled": True}}}, (MONITORING,)),
    "dashboard": ({"grafana": {"dashboard": {"enabled": True}}}, ()),
    "network-policies": ({"networkpolicies": {"enabled": True, "defaultDeny": True, "apiPort": 443}}, ()),
    "openshift": ({"openshift": {"enabled": True}}, ()),
    "openshift-found": ({}, (OPENSHIFT,)),
}
